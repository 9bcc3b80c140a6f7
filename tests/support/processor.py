"""A card processor of the tests' own that speaks Stripe's Charges, Refunds and Disputes API
(docs.stripe.com/api, version 2022-08-01): what happens at the processor alone is said to it from
outside. It keeps each idempotency key's first answer, as Stripe does."""

import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

from boxoffice import new_id

KEY = "sk_test_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"


def signature(body, secret=WEBHOOK_SECRET, at=None):
    """A Stripe-Signature header over these bytes."""
    at = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


class Processor:
    def __init__(self):
        self.lock = threading.Lock()
        self.charges, self.refunds, self.disputes = {}, {}, {}
        self.answers = {}  # by idempotency key
        self.asked = []    # (method, path, form) of every call
        self.down = False  # answers 500 to everything
        self.refunding, self.may_refund = threading.Event(), threading.Event()  # it is asked for one; it answers
        self.may_refund.set()
        processor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _answer(self, method):
                length = int(self.headers.get("Content-Length") or 0)
                form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
                if (method, self.path) == ("POST", "/v1/refunds"):
                    processor.refunding.set()
                    processor.may_refund.wait(60)
                with processor.lock:
                    status, body = processor.answer(method, self.path, form,
                                                    self.headers.get("Idempotency-Key"))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                self._answer("GET")

            def do_POST(self):
                self._answer("POST")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def environment(self):
        """What makes the program talk to it."""
        return {"STRIPE_KEY": KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
                "STRIPE_API_BASE": f"http://127.0.0.1:{self.server.server_port}"}

    # --- what it says

    def answer(self, method, path, form, key):
        path, _, query = path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        self.asked.append((method, path, form))
        if self.down:
            return 500, {"error": {"type": "api_error", "message": "down"}}
        if key in self.answers:
            return self.answers[key]
        status, body = self._make(method, path, form, query)
        if key and status < 500:
            self.answers[key] = status, json.loads(json.dumps(body))
        return status, body

    def _make(self, method, path, form, query):
        if (method, path) == ("POST", "/v1/charges"):
            return self._charge(form)
        if (method, path) == ("POST", "/v1/refunds"):
            return self._refund(form)
        if path.startswith("/v1/charges/"):
            charge = self.charges.get(path.rsplit("/", 1)[1])
            return (200, self.shown(charge)) if charge else self._missing()
        kinds = {"/v1/charges": self.charges, "/v1/refunds": self.refunds,
                 "/v1/disputes": self.disputes}
        return 200, self._list(kinds[path].values(), query) if path in kinds else self._missing()

    @staticmethod
    def _missing():
        return 404, {"error": {"type": "invalid_request_error", "message": "No such thing"}}

    def _list(self, things, query):
        found = [one for one in reversed(list(things))
                 if "charge" not in query or one["charge"] == query["charge"]]
        most = int(query.get("limit", 10))
        return {"object": "list", "data": [self.shown(one) for one in found[:most]],
                "has_more": len(found) > most}

    def shown(self, thing):
        """The object as the API shows it now."""
        if thing["object"] != "charge":
            return dict(thing)
        refunds = self._list(self.refunds.values(), {"charge": thing["id"]})
        back = self._back(thing)
        disputed = any(one["charge"] == thing["id"] for one in self.disputes.values())
        return {**thing, "refunds": refunds, "amount_refunded": back, "disputed": disputed,
                "refunded": back == thing["amount"]}

    def _back(self, charge):
        return sum(one["amount"] for one in self.refunds.values()
                   if one["charge"] == charge["id"] and one["status"] != "failed")

    def _charge(self, form):
        if form["source"] == "tok_chargeDeclined":
            return 402, {"error": {"type": "card_error", "message": "Your card was declined."}}
        charge = {"id": f"ch_{new_id()}", "object": "charge", "amount": int(form["amount"]),
                  "currency": form["currency"], "status": "succeeded",
                  "metadata": {name[9:-1]: value for name, value in form.items()
                               if name.startswith("metadata[")}}
        self.charges[charge["id"]] = charge
        return 200, self.shown(charge)

    def _refund(self, form):
        charge = self.charges[form["charge"]]
        left = charge["amount"] - self._back(charge)
        if left == 0:
            return 400, {"error": {"type": "invalid_request_error",
                                   "code": "charge_already_refunded", "message": "refunded"}}
        return 200, self._refund_made(charge, int(form.get("amount", left)))

    def _refund_made(self, charge, amount):
        refund = {"id": f"re_{new_id()}", "object": "refund", "charge": charge["id"],
                  "amount": amount, "status": "succeeded"}
        self.refunds[refund["id"]] = refund
        return refund

    # --- what happens there without us

    def give_back(self, charge_id, amount):
        with self.lock:
            return self._refund_made(self.charges[charge_id], amount)

    def bounce(self, refund_id):
        with self.lock:
            self.refunds[refund_id]["status"] = "failed"
            return self.refunds[refund_id]

    def dispute(self, charge_id, status="needs_response"):
        """Opens one, or changes the one there is."""
        with self.lock:
            for one in self.disputes.values():
                if one["charge"] == charge_id:
                    one["status"] = status
                    return one
            dispute = {"id": f"dp_{new_id()}", "object": "dispute", "charge": charge_id,
                       "amount": self.charges[charge_id]["amount"], "status": status}
            self.disputes[dispute["id"]] = dispute
            return dispute

    # --- what it tells

    def tell(self, server, kind, thing, expanded=False, event_id=None):
        """Sends a signed event about it; returns the answer. expanded: with objects for ids."""
        with self.lock:
            shown = self.shown(thing)
            if expanded and "charge" in shown:
                shown["charge"] = self.shown(self.charges[shown["charge"]])
        body = json.dumps({"id": event_id or f"evt_{new_id()}", "object": "event", "type": kind,
                           "data": {"object": shown}}).encode()
        return server.client().post("/api/payments/webhook", raw=body,
                                    headers={"Stripe-Signature": signature(body)})
