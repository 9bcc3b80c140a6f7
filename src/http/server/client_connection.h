/* http/server/client_connection.h: one connection, without its socket: bytes in, answers out. */
#ifndef HTTP_SERVER_CLIENT_CONNECTION_H
#define HTTP_SERVER_CLIENT_CONNECTION_H

#include "http/framing.h"
#include "http/server/exchange.h"
#include "http/server/parser.h"
#include "http/server/peer.h"

#define WRITE_PROGRESS_MIN 16384 /* bytes a deadline that a slow reader must take */

struct limiter_slot;

enum phase {
    PHASE_IDLE,      /* between requests */
    PHASE_RECEIVING, /* a request has begun */
    PHASE_AWAY,      /* a request is being handled */
    PHASE_STREAMING  /* its answer is still being made */
};

struct connection {
    struct deadline deadline; /* first: connection_of_deadline */
    struct event_loop *loop;
    struct exchange *exchange; /* being received or handled */
    struct stream *stream;
    struct limiter_slot *slot; /* it is counted with; NULL: not counted (transport's) */
    char *held;                /* bytes that came while they could not be parsed */
    uint32_t held_at, held_len;
    size_t unsent_mark; /* what the socket had not taken when its write deadline began */
    struct framing framing;
    struct parser parser;
    struct peer peer;
    uint8_t phase;
    uint8_t refusal;     /* enum err: there were too many when it came; only health is answered */
    bool served;         /* has had an answer */
    bool refresh;        /* something happened: the due time counts from now */
    bool unknown_method; /* the parser has given up; its method is being read to the end */
    bool eof;            /* the client will send nothing more */
    bool blocked;        /* the socket did not take everything yet (transport's) */
    bool unread;    /* the last answer was long, and may not have been read yet (transport's) */
    bool closing;   /* nothing is parsed any more; close once everything is sent */
    bool linger;    /* after that, throw input away for a while, so that the answer arrives */
    bool lingering; /* (transport's) */
    bool cut;       /* close now, unsent bytes or not */
    bool reset;     /* and throw away what was not read (transport's) */
    bool close_after_stream;
};

static inline struct connection *connection_of_deadline(struct deadline *deadline)
{
    return (struct connection *)(void *)deadline;
}

void connection_init(struct connection *connection, struct event_loop *loop);
/* Lets go of everything the connection holds; the transport has closed. */
void connection_gone(struct connection *connection);
/* After each of these, loop->out has what is to be sent and the transport looks at the flags. */
void connection_input(struct connection *connection, const char *at, size_t len);
void connection_eof(struct connection *connection);
/* Parses held bytes when that is possible now. True when it did. */
bool connection_resume(struct connection *connection);
/* Hands the exchange, which is whole and checked, to its handler. */
void connection_dispatch(struct connection *connection, struct exchange *exchange);
/* The exchange's reply is ready. */
void connection_answer(struct connection *connection, struct exchange *exchange);
/* Moves a stream's bytes to loop->out when the socket is free. */
void connection_pump(struct connection *connection);
/* Its due time has passed: 408, or just the end. */
void connection_expire(struct connection *connection);
/* Answers an error and closes. */
void connection_refuse(struct connection *connection, enum err err);
/* The loop is stopping: idle connections end, but for those of proxies while loop->proxies_may;
 * streams end. */
void connection_wind_down(struct connection *connection);
/* Files the connection under the deadline that fits its state. */
void connection_schedule(struct connection *connection);
static inline bool connection_wants_input(const struct connection *connection)
{
    return connection->lingering ||
           (!connection->held && !connection->blocked && !connection->eof && !connection->closing);
}

#endif
