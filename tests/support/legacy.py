"""Makes what mongoexport writes of the Node application's four collections."""

import hashlib
import json
import secrets
import time


def object_id(seconds_ago=86400):
    return f"{int(time.time()) - seconds_ago:08x}{secrets.token_hex(8)}"


def password_hash(password):
    """As the Node application's Password.toHash: scrypt with the salt's text."""
    salt = secrets.token_hex(8)
    made = hashlib.scrypt(password.encode(), salt=salt.encode(), n=16384, r=8, p=1, dklen=64,
                          maxmem=64 * 1024 * 1024)
    return f"{made.hex()}.{salt}"


def date(at):
    """Seconds since 1970 as ISO-8601 with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}Z"


class Legacy:
    """The collections; write() leaves them as files in one of mongoexport's manners."""

    def __init__(self):
        self.users, self.tickets, self.orders, self.payments = [], [], [], []

    def user(self, email, password="pass", **more):
        hashed = more.pop("hashed", None) or password_hash(password)
        self.users.append({"_id": object_id(), "email": email, "password": hashed, "__v": 0,
                           **more})
        return self.users[-1]["_id"]

    def ticket(self, user_id, price=20, version=0, **more):
        self.tickets.append({"_id": object_id(), "title": "A seat", "price": price,
                             "userId": user_id, "version": version, **more})
        return self.tickets[-1]

    def order(self, ticket, user_id, status="created", version=0, expires_in=600, **more):
        self.orders.append({"_id": object_id(), "userId": user_id, "status": status,
                            "expiresAt": time.time() + expires_in, "ticket": ticket["_id"],
                            "version": version, **more})
        order = self.orders[-1]
        if status != "cancelled":
            ticket["orderId"] = order["_id"]
        return order

    def payment(self, order, **more):
        self.payments.append({"_id": object_id(), "orderId": order["_id"],
                              "stripeId": f"ch_{secrets.token_hex(8)}", "__v": 0, **more})
        return self.payments[-1]

    def write(self, folder, manner="relaxed", array=False, indent=None):
        """The options of `boxoffice import` that name the files."""
        words = []
        for name in ("users", "tickets", "orders", "payments"):
            path = f"{folder}/{name}.json"
            documents = [extended(document, manner) for document in getattr(self, name)]
            with open(path, "w", encoding="utf-8") as file:
                if array:
                    json.dump(documents, file, indent=indent)
                else:
                    file.write("".join(json.dumps(document, indent=indent) + "\n"
                                       for document in documents))
            words += [f"--{name}", path]
        return words


def extended(document, manner):
    """One document in Extended JSON: "canonical" or "relaxed" (version 2), or "v1"."""
    out = {}
    for name, value in document.items():
        if name in ("_id", "ticket"):
            out[name] = {"$oid": value}
        elif name == "expiresAt":
            out[name] = {"$date": {"canonical": {"$numberLong": str(int(value * 1000))},
                                   "relaxed": date(value), "v1": int(value * 1000)}[manner]}
        elif manner == "canonical" and isinstance(value, int) and not isinstance(value, bool):
            out[name] = {"$numberInt": str(value)}
        elif manner == "canonical" and isinstance(value, float):
            out[name] = {"$numberDouble": repr(value)}
        else:
            out[name] = value
    return out
