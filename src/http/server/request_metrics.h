/* http/server/request_metrics.h: what is counted of a request, and its span. */
#ifndef HTTP_SERVER_REQUEST_METRICS_H
#define HTTP_SERVER_REQUEST_METRICS_H

#include "http/server/exchange.h"

/* Its answer is made: counts it, and records its span. Loop thread, as the next. */
void request_metrics_answered(struct exchange *exchange);
/* The same of a call, which is nobody's request: its span alone. */
void request_metrics_called(struct exchange *call);

const char *method_word(enum method method);

#endif
