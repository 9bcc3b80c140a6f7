/* services/web/live.h: what moves on the pages: one event stream a browser, and what happens to
 * tickets is told to all of them. */
#ifndef SERVICES_WEB_LIVE_H
#define SERVICES_WEB_LIVE_H

#include "base/arena.h"
#include "base/random.h"
#include "runtime/service.h"

#define LIVE_JOBS      1
#define LIVE_LISTENERS 8
extern const struct listener live_listeners[LIVE_LISTENERS];

/* In the arena, with a second one of its own for those who join; NULL: no memory. now: what
 * happened before is not known. */
struct live *live_new(struct arena *arena, struct random *random, struct wall_ms now);
/* After the writer has stopped. NULL is none. */
void live_free(struct live *live);

#define LIVE_OVERLAP_MS 2000 /* a page's data is older than its clock, and clocks differ */
/* When something last happened that is told. Threads: any. */
struct wall_ms live_news_at(const struct live *live);
/* The job: sends what has gathered. Writer only. */
enum err live_send(struct env *env, struct tx *tx, struct wall_ms *next);
/* GET /live: the stream. */
handler_fn get_live;

#endif
