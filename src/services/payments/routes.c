/* services/payments/routes.c: the service's routes; each handler is in the file of its matter. */
#include "services/payments/payments.h"

const struct route payments_routes[PAYMENTS_ROUTES] = {
    {METHOD_POST, "/api/payments", ACCESS_SESSION, IN_WRITER, post_payments},
    {METHOD_POST, "/api/payments/webhook", ACCESS_PUBLIC, IN_LOOP, post_webhook},
    {METHOD_GET, "/operator/payments", ACCESS_OPERATOR, IN_READER, get_operator_payments},
    {METHOD_GET, "/operator/payments/:id", ACCESS_OPERATOR, IN_READER, get_operator_payment},
    {METHOD_POST, "/operator/payments/:id/refund", ACCESS_OPERATOR, IN_WRITER,
     post_operator_refund},
    {METHOD_GET, "/operator/audit", ACCESS_OPERATOR, IN_READER, get_operator_audit},
};
