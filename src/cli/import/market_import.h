/* cli/import/market_import.h: venues, shows and listings out of files, all of them or none. */
#ifndef CLI_MARKET_IMPORT_H
#define CLI_MARKET_IMPORT_H

#include "cli/import/import_table.h"
#include "runtime/settings.h"

struct market {
    struct table venues, shows, listings;
};

/* Reads the files, looks at all of their lines as the API would at requests, and takes them over
 * when nothing is wrong with any (dry: nothing at all). What is there already stays as it is. 0; 1:
 * it was said what is wrong. */
int market_import(struct market *market, const struct settings *settings, bool dry);

#endif
