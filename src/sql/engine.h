/* sql/engine.h: what an engine offers the rest of src/sql, beyond sql.h. */
#ifndef SQL_ENGINE_H
#define SQL_ENGINE_H

#include "sql/sql.h"

/* Runs a script of several statements in the open transaction, "{{serial}}" replaced by the
 * engine's growing 64-bit key. */
enum err engine_script(struct db *db, const char *text);

#endif
