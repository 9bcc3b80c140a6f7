/* services/mail/listeners.c: copies of what letters need, and a letter for what people want to
 * know. */
#include "services/mail/attendance.h"

/* Not yet: what it is about comes by another service's events. */
static enum verdict not_yet(enum err err)
{
    return err == ERR_NOT_FOUND ? VERDICT_EARLY : verdict_of(err);
}

/* --- copies -------------------------------------------------------------------------------- */

/* n goes on n-1. */
static enum verdict copy_person(struct tx *tx, struct object_id id, int64_t version,
                                struct str email)
{
    struct object_id_text user = object_id_text(id);
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(person_version(tx, str_of(user.hex), &held));
    verdict = version_verdict(held, version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(person_put(tx, str_of(user.hex), version, email));
done:
    return verdict_of(err);
}

static enum verdict on_user_created(struct env *env, struct tx *tx, const void *event)
{
    const struct user_created *user = event;

    (void)env;
    return copy_person(tx, user->id, user->version, user->email);
}

static enum verdict on_user_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct user_updated *user = event;

    (void)env;
    return copy_person(tx, user->id, user->version, user->email);
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    (void)env;
    return verdict_of(seller_put(tx, ticket->id, ticket->user_id));
}

/* What letters call the tickets of an order: "Mono Lake, row 4, seat 12 and 1 more". at == NULL: no
 * memory. */
static struct str name_tickets(struct arena *arena, struct str first, size_t count)
{
    struct buf out;

    if (count == 1 || !first.len) return first;
    buf_init(&out, arena, first.len + 32);
    buf_append(&out, first);
    buf_printf(&out, " and %zu more", count - 1);
    return out.failed ? (struct str){NULL, 0} : buf_str(&out);
}

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct ordered_ticket first = {order->ticket_id, order->price_cents};
    struct ordered_list tickets = ordered_tickets(&order->tickets, &first);
    struct str title = name_tickets(env->arena, order->title, tickets.count);

    if (!title.at && order->title.len) return verdict_of(ERR_MEMORY);
    return verdict_of(
        mail_order_put(tx, &(struct mail_order){.id = order->id,
                                                .ticket_id = order->ticket_id,
                                                .user_id = order->user_id,
                                                .title = title,
                                                .price_cents = ordered_total(&tickets)}));
}

/* --- letters ------------------------------------------------------------------------------- */

/* Titles came with the orders of a later day. */
static struct str title_of(const struct mail_order *order)
{
    return order->title.len ? order->title : STR("a ticket");
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *completed = event;
    struct mail_order order;
    struct mail mail;
    struct str seller;
    enum err err;

    TRY(mail_order_get(tx, env->arena, completed->id, &order));
    TRY(seller_get(tx, env->arena, order.ticket_id, &seller));
    mail = (struct mail){.kind = completed->tickets.count ? MAIL_ENTRY : MAIL_ORDER,
                         .cause_id = order.id,
                         .about = order.id,
                         .user_id = order.user_id,
                         .title = title_of(&order),
                         .amount_cents = order.price_cents};
    TRY(mail_write(env, tx, &mail));
    mail.kind = MAIL_SOLD;
    mail.user_id = seller;
    TRY(mail_write(env, tx, &mail));
done:
    return not_yet(err);
}

static enum verdict on_payment_refunded(struct env *env, struct tx *tx, const void *event)
{
    const struct payment_refunded *refund = event;
    struct mail_order order;
    enum err err;

    TRY(mail_order_get(tx, env->arena, refund->order_id, &order));
    TRY(mail_write(env, tx,
                   &(struct mail){.kind = MAIL_REFUND,
                                  .cause_id = refund->id,
                                  .about = order.id,
                                  .user_id = order.user_id,
                                  .title = title_of(&order),
                                  .amount_cents = order.price_cents}));
done:
    return not_yet(err);
}

static enum verdict on_transfer_created(struct env *env, struct tx *tx, const void *event)
{
    const struct transfer_created *transfer = event;

    return verdict_of(mail_write(env, tx,
                                 &(struct mail){.kind = MAIL_TRANSFER,
                                                .cause_id = transfer->id,
                                                .user_id = transfer->user_id,
                                                .email = transfer->email,
                                                .title = transfer->title}));
}

static enum verdict on_transfer_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct transfer_updated *transfer = event;

    if (!str_eq(transfer->status, STR("taken"))) return VERDICT_SEEN;
    return verdict_of(mail_write(env, tx,
                                 &(struct mail){.kind = MAIL_TAKEN,
                                                .cause_id = transfer->id,
                                                .user_id = transfer->user_id,
                                                .title = transfer->title}));
}

static enum verdict on_reset_requested(struct env *env, struct tx *tx, const void *event)
{
    const struct reset_requested *reset = event;

    if (wall_reached(tx->now, reset->expires_at))
        return VERDICT_SEEN; /* it opens nothing any more */
    return verdict_of(mail_write(
        env, tx,
        &(struct mail){.kind = MAIL_RESET, .cause_id = reset->id, .user_id = reset->user_id}));
}

static enum verdict on_address_requested(struct env *env, struct tx *tx, const void *event)
{
    const struct address_requested *address = event;

    if (wall_reached(tx->now, address->expires_at)) return VERDICT_SEEN; /* as above */
    return verdict_of(mail_write(env, tx,
                                 &(struct mail){.kind = MAIL_ADDRESS,
                                                .cause_id = address->id,
                                                .user_id = address->user_id,
                                                .email = address->email}));
}

static enum verdict on_address_changed(struct env *env, struct tx *tx, const void *event)
{
    const struct address_changed *change = event;

    return verdict_of(mail_write(env, tx,
                                 &(struct mail){.kind = MAIL_ADDRESS_CHANGED,
                                                .cause_id = change->id,
                                                .user_id = change->user_id,
                                                .email = change->email}));
}

static enum verdict on_device_added(struct env *env, struct tx *tx, const void *event)
{
    const struct device_added *device = event;

    return verdict_of(mail_write(env, tx,
                                 &(struct mail){.kind = MAIL_DEVICE,
                                                .cause_id = device->id,
                                                .user_id = device->user_id,
                                                .title = device->browser}));
}

static enum verdict on_factor_changed(struct env *env, struct tx *tx, const void *event)
{
    const struct factor_changed *change = event;

    return verdict_of(
        mail_write(env, tx,
                   &(struct mail){.kind = change->on ? MAIL_FACTOR_ON : MAIL_FACTOR_OFF,
                                  .cause_id = change->id,
                                  .user_id = change->user_id}));
}

static enum verdict on_password_changed(struct env *env, struct tx *tx, const void *event)
{
    const struct password_changed *change = event;

    return verdict_of(mail_write(
        env, tx,
        &(struct mail){.kind = MAIL_PASSWORD, .cause_id = change->id, .user_id = change->user_id}));
}

const struct listener mail_listeners[MAIL_LISTENERS] = {
    {EVENT_USER_CREATED, on_user_created},
    {EVENT_USER_UPDATED, on_user_updated},
    {EVENT_RESET_REQUESTED, on_reset_requested},
    {EVENT_PASSWORD_CHANGED, on_password_changed},
    {EVENT_ADDRESS_REQUESTED, on_address_requested},
    {EVENT_ADDRESS_CHANGED, on_address_changed},
    {EVENT_DEVICE_ADDED, on_device_added},
    {EVENT_FACTOR_CHANGED, on_factor_changed},
    {EVENT_TICKET_CREATED, on_ticket_created},
    {EVENT_ORDER_CREATED, on_order_created},
    {EVENT_ORDER_COMPLETED, on_order_completed},
    {EVENT_PAYMENT_REFUNDED, on_payment_refunded},
    {EVENT_SHOW_CREATED, on_show_made},
    {EVENT_SHOW_UPDATED, on_show_changed},
    {EVENT_ENTRY_CREATED, on_entry_issued},
    {EVENT_ENTRY_UPDATED, on_entry_changed},
    {EVENT_TRANSFER_CREATED, on_transfer_created},
    {EVENT_TRANSFER_UPDATED, on_transfer_updated},
};
