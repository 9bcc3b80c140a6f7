/* cli/import/import_command.c: boxoffice import: what the Node application kept, or a market out of
 * files. */
#include "cli/cli.h"

#include "cli/import/import_place.h"
#include "cli/import/legacy_import.h"
#include "cli/import/market_import.h"

int cli_import(int count, char **words)
{
    struct import import = {
        .users = {.what = "users", .row_bytes = sizeof(struct user_row)},
        .tickets = {.what = "tickets", .row_bytes = sizeof(struct ticket_row)},
        .orders = {.what = "orders", .row_bytes = sizeof(struct order_row)},
        .payments = {.what = "payments", .row_bytes = sizeof(struct payment_row)}};
    struct market market = {
        .venues.what = "venues", .shows.what = "shows", .listings.what = "listings"};
    const char *data = NULL;
    bool dry = false, old, files;
    const struct cli_option options[] = {{"users", &import.users.file, NULL},
                                         {"tickets", &import.tickets.file, NULL},
                                         {"orders", &import.orders.file, NULL},
                                         {"payments", &import.payments.file, NULL},
                                         {"venues", &market.venues.file, NULL},
                                         {"shows", &market.shows.file, NULL},
                                         {"listings", &market.listings.file, NULL},
                                         {"dry-run", NULL, &dry},
                                         {"data", &data, NULL},
                                         {0}};
    struct settings settings;
    int first, code = cli_options("import", count, words, options, &first);

    if (code >= 0) return code;
    if (first < count) return cli_refuse("import takes no words: %s", words[first]);
    old = import.users.file || import.tickets.file || import.orders.file || import.payments.file;
    files = market.venues.file || market.shows.file || market.listings.file;
    if (old == files)
        return cli_refuse(old ? "--venues, --shows and --listings come by themselves: import users "
                                "first"
                              : "import needs --users, or --tickets, --orders and --payments, or "
                                "--venues, --shows, --listings");
    if (!import.tickets.file != !import.orders.file || !import.orders.file != !import.payments.file)
        return cli_refuse("--tickets, --orders and --payments belong together");
    if (!(old ? folder_settings : import_settings)(data, &settings)) return 1;
    return old ? legacy_import(&import, &settings, dry) : market_import(&market, &settings, dry);
}
