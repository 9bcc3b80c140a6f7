/* sql/engine.h: what an engine offers the rest of src/sql, beyond sql.h. */
#ifndef SQL_ENGINE_H
#define SQL_ENGINE_H

#include "sql/sql.h"

/* Runs a script of several statements in the open transaction. In it stand for the engine's own
 * words: "{{serial}}", its growing 64-bit key; "{{append_only TABLE}}", triggers that refuse every
 * UPDATE of the table and every DELETE of a row whose at_ms is less than 365 days ago. */
enum err engine_script(struct db *db, const char *text);

#endif
