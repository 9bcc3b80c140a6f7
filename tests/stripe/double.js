// The Stripe double of the payments tests, and the official package's webhook signatures.
//
// Prints {"port": N}, then answers one JSON line on stdin with one on stdout:
//   {"payload", "secret", "timestamp"?}  -> {"header"}   a Stripe-Signature header
//   {"tally": true}                      -> {"charges", "doubled", "refunded"}: money moved, by
//                                           the charge_id in its metadata
// Ends when stdin does.
"use strict";
const http = require("http");
const readline = require("readline");
const Stripe = require("stripe");
const double = require("stripe-stateful-mock");
const { charges } = require("stripe-stateful-mock/dist/api/charges");

const ACCOUNT = "acct_default";

require("loglevel").setLevel("silent");
const stripe = new Stripe("sk_test_unused");

function sign({ payload, secret, timestamp }) {
  const header = stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  return { header };
}

function tally() {
  const seen = new Map();
  let refunded = 0;
  for (const charge of charges.list(ACCOUNT, {}).data) {
    if (charge.status !== "succeeded") continue;
    const name = charge.metadata.charge_id;
    seen.set(name, (seen.get(name) || 0) + 1);
    refunded += charge.refunded ? 1 : 0;
  }
  const doubled = [...seen].filter(([, count]) => count > 1).map(([name]) => name);
  return { charges: seen.size, doubled, refunded };
}

const server = http.createServer(double.createExpressApp());
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    console.log(JSON.stringify(command.tally ? tally() : sign(command)));
  })
  .on("close", () => process.exit(0));
