/* services/web/assets.h: files that never change under their name: their names carry their hash.
 * tools/assets.py makes them C at build time. */
#ifndef SERVICES_WEB_ASSETS_H
#define SERVICES_WEB_ASSETS_H

#include "base/str.h"
#include "runtime/executor/run.h"

struct asset {
    struct str file; /* "app.css" */
    struct str name; /* with its hash */
    const char *type;
    struct str plain, gzip; /* gzip is empty where it saves nothing */
};

extern const struct asset assets[];
extern const size_t asset_count;
/* "/static/" and the hashed name of a file of ours. */
struct str asset_path(struct request *rq, struct str file);
/* GET /static/:name, and files whose address browsers know by heart (/favicon.ico). In the loop. */
handler_fn get_static, get_root_file;

#endif
