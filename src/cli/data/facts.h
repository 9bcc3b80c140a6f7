/* cli/data/facts.h: what two databases of a market both know, held against each other, and what one
 * can say of its own rows. A changed bit inside a value leaves a file whole: no page and no index
 * tells of it. */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "bus/bus.h"

/* Prices, buyers and sellers, where two services keep them; and whether every event kept is still
 * JSON. members: each with its database; a NULL tx is passed over. They need not be of one moment,
 * for what is compared is of one version and never changes. ERR_CONFLICT: why says which row
 * differs. Reads every order, ticket and event. */
enum err facts_agree(const struct bus_member *members, size_t count, struct buf *why);

#endif
