// A service in another language: hears ticket:created, publishes what its standard input says.
//
// Prints {"ready":true}, then each event it hears as a line of JSON. A line {"subject","data"} on
// standard input is published, and answered {"published":SUBJECT,"sequence":N}. Ends when stdin does.
"use strict";
const readline = require("readline");
const { connect, AckPolicy, DeliverPolicy, JSONCodec } = require("nats");

const STREAM = "BOXOFFICE";
const json = JSONCodec();
const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

async function main() {
  const connection = await connect({ servers: process.argv[2] });
  const jetstream = connection.jetstream();
  const manager = await connection.jetstreamManager();
  await manager.consumers.add(STREAM, {
    durable_name: "stranger",
    filter_subject: "ticket:created",
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
  });
  const consumer = await jetstream.consumers.get(STREAM, "stranger");
  const messages = await consumer.consume();
  (async () => {
    for await (const message of messages) {
      say({ subject: message.subject, data: json.decode(message.data) });
      message.ack();
    }
  })();
  say({ ready: true });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { subject, data } = JSON.parse(line);
    const taken = await jetstream.publish(subject, json.encode(data));
    say({ published: subject, sequence: taken.seq });
  }
  await connection.flush();
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
