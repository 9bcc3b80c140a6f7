/* http/server/peer.h: who is at the other end of a connection. */
#ifndef HTTP_SERVER_PEER_H
#define HTTP_SERVER_PEER_H

#include "http/ip_address.h"

struct session_cache;

struct peer {
    struct address address;
    char text[INET6_ADDRSTRLEN];
    uint8_t text_len;
    bool operator;        /* it came over the control socket … */
    int64_t operator_uid; /* … from a process of this user; -1: the kernel did not say */
    bool monitoring;      /* it came to the listener of monitoring */
    bool trusted;         /* may set X-Forwarded-* */
    bool loopback;
    struct session_cache *session; /* the last cookie that verified (client_identity.c) */
};

#endif
