/* services/payments/listeners.c: what payments must know of each order. */
#include "services/payments/payments.h"

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct order_copy held;
    enum err err = order_copy_get(tx, env->arena, order->id, &held);

    if (err == OK) return VERDICT_SEEN;
    if (err != ERR_NOT_FOUND) return verdict_of(err);
    if (order->version != 0) return env_dead(env, "an order begins with version 0");
    return verdict_of(
        order_copy_insert(tx, &(struct order_copy){.id = order->id,
                                                   .version = order->version,
                                                   .status = PAID_ORDER_CREATED,
                                                   .user_id = order->user_id,
                                                   .price_cents = order->price_cents}));
}

static enum verdict follow(struct env *env, struct tx *tx, struct object_id id, int64_t version,
                           enum paid_order_status status)
{
    struct order_copy held;
    enum verdict verdict;
    enum err err = order_copy_get(tx, env->arena, id, &held);

    if (err != OK && err != ERR_NOT_FOUND) return verdict_of(err);
    verdict = version_verdict(err == OK ? held.version : -1, version);
    if (verdict != VERDICT_APPLIED) return verdict;
    if (err == ERR_NOT_FOUND) return env_dead(env, "an order begins with order:created");
    return verdict_of(order_copy_status(tx, id, version, status));
}

static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;

    return follow(env, tx, order->id, order->version, PAID_ORDER_CANCELLED);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;

    return follow(env, tx, order->id, order->version, PAID_ORDER_COMPLETE);
}

const struct listener payments_listeners[PAYMENTS_LISTENERS] = {
    {EVENT_ORDER_CREATED, on_order_created},
    {EVENT_ORDER_CANCELLED, on_order_cancelled},
    {EVENT_ORDER_COMPLETED, on_order_completed},
};
