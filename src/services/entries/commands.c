/* services/entries/commands.c: entries are made and voided, each with its event. */
#include "services/entries/entries.h"
#include "services/entries/key_store.h"

enum err entry_save(struct tx *tx, const struct entry *entry)
{
    enum err err;

    TRY(entry_update(tx, entry));
    TRY(publish_entry_updated(tx,
                              &(struct entry_updated){.id = entry->id,
                                                      .version = entry->version,
                                                      .status = entry_status_text(entry->status),
                                                      .user_id = entry->holder_id}));
done:
    return err;
}

enum err entry_make(struct env *env, struct tx *tx, struct object_id ticket_id,
                    struct object_id order_id, struct str buyer_id, struct object_id show_id)
{
    uint8_t drawn[ENTRY_SERIAL_BYTES];
    struct entry_serial serial;
    struct entry entry;
    enum err err;

    random_fill(env->random, drawn, sizeof drawn);
    serial = entry_serial_of(drawn);
    entry = entry_issue(env_new_id(env, tx), str_of(serial.text), buyer_id, ticket_id, order_id,
                        show_id);
    TRY(entry_show_now(tx, show_id, &entry.now_show_id));
    TRY(code_key_signing(tx, &entry.key_id));
    TRY(entry_insert(tx, &entry));
    TRY(publish_entry_created(tx, &(struct entry_created){.id = entry.id,
                                                          .version = entry.version,
                                                          .status = entry_status_text(entry.status),
                                                          .user_id = entry.holder_id,
                                                          .ticket_id = entry.ticket_id,
                                                          .order_id = entry.order_id,
                                                          .show_id = entry.show_id,
                                                          .serial = entry.serial}));
done:
    return err;
}

enum err order_entries_void(struct tx *tx, struct arena *arena, struct object_id order_id)
{
    struct entry *entries;
    size_t count;
    enum err err;

    TRY(entries_of_order(tx, arena, order_id, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (!entry_void(&entries[i])) continue;
        TRY(entry_save(tx, &entries[i]));
        TRY(transfer_end_of(tx, arena, entries[i].id));
    }
done:
    return err;
}
