"""Proves what sending a ticket to somebody promises: it is theirs once they take it, and the code of before opens
no door; until then it is its giver's; it ends by itself; of several who are at it at once one wins."""

import contextlib
import datetime
import threading
import zoneinfo

from boxoffice import Server, mailed_token, new_email, new_id, sanitizer
from check import Cases, Skip, expect, expect_error, expect_errors, expect_not_authorized, expect_not_found, wait_for
from clock import WallClock
from smtp_double import SmtpDouble
from test_catalogue import act, fault, make_show
from test_entries import bought, entries_of, publish, wait_entries
from test_entry_codes import lasting, verify
from test_listings import make_listing, some_show
from test_mail import delivered, mailing, mails, one_to, to
from test_orders_of_listings import some_listing

PARALLEL = 2

DAY = 86_400
OVER = "This ticket was taken, taken back or declined, or its time to be taken is over"
WAITING = "This ticket is on its way to somebody already, take it back first"


def holder_of(server, listing=None):
    """A buyer with one entry, and that."""
    listing = listing or some_listing(server)[1]
    buyer = server.as_user()
    bought(buyer, listing)
    entry, = wait_entries(buyer, 1)
    return buyer, entry


def give(giver, entry, email, status=201):
    answer = expect(giver.post(f"/api/entries/{entry['id']}/transfers", {"email": email}), status)
    return answer.json if status == 201 else answer


def accept(taker, transfer, status=200):
    return expect(taker.post(f"/api/transfers/{transfer['id']}/accept"), status)


def end(person, transfer, status=200):
    return expect(person.delete(f"/api/transfers/{transfer['id']}"), status)


def transfers(person, direction="coming"):
    return expect(person.get(f"/api/transfers?direction={direction}&limit=1000"), 200).json


def code_of(holder, entry):
    return expect(holder.get(f"/api/entries/{entry['id']}"), 200).json["code"]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_it_is_the_takers_with_another_code(server):
    giver, entry = holder_of(server)
    before = code_of(giver, entry)
    email = new_email()
    transfer = give(giver, entry, email.upper())
    assert transfer == {"status": "waiting", "userId": giver.user_id, "from": giver.email, "email": email.upper(),
                        "entryId": entry["id"], "madeAt": transfer["madeAt"], "endsAt": transfer["endsAt"],
                        **{key: entry[key] for key in ("section", "row", "seat", "restrictions", "show", "venue")
                           if key in entry}, "version": 0, "id": transfer["id"]}
    assert moment(transfer["endsAt"]) - moment(transfer["madeAt"]) == datetime.timedelta(days=7)
    waiting = expect(giver.get(f"/api/entries/{entry['id']}"), 200).json
    assert waiting["transfer"] == {"email": email.upper(), "endsAt": transfer["endsAt"], "id": transfer["id"]}
    assert waiting["code"] == before, "until it is taken it is as it was"
    taker = server.sign_up(email)  # who had no account when it was given
    assert transfers(taker) == [transfer]
    with server.listen("entry:updated") as told:
        taken = accept(taker, transfer).json
        event, = [one["data"] for one in told.wait_count(1)]
    assert taken == {**transfer, "status": "taken", "version": 1}
    assert event == {"id": entry["id"], "version": 1, "status": "valid", "userId": taker.user_id}
    assert entries_of(giver) == [] and transfers(giver, "given") == [taken] and transfers(taker) == []
    expect_not_authorized(giver.get(f"/api/entries/{entry['id']}"))
    assert entries_of(taker) == [{**entry, "userId": taker.user_id, "version": 1, "received": True}]
    assert verify(server, before)[1]["answer"] == "superseded"
    assert verify(server, code_of(taker, entry))[1]["answer"] == "valid"


def test_it_goes_through_many_hands(server):
    giver, entry = holder_of(server)
    first, codes = giver, [code_of(giver, entry)]
    for _ in range(4):
        taker = server.as_user()
        accept(taker, give(giver, entry, taker.email))
        codes.append(code_of(taker, entry))
        giver = taker
    accept(first, give(giver, entry, first.email))
    assert expect(first.get(f"/api/entries/{entry['id']}"), 200).json["version"] == 5
    assert len(set(codes)) == 5
    assert {verify(server, code)[1]["answer"] for code in codes} == {"superseded"}


def test_until_it_is_taken_it_can_be_taken_back_or_declined(server):
    giver, entry = holder_of(server)
    taker = server.as_user()
    with Cases() as case:
        for person, status in ((giver, "withdrawn"), (taker, "declined")):
            with case(status):
                transfer = give(giver, entry, taker.email)
                ended = end(person, transfer).json
                assert ended == {**transfer, "status": status, "version": 1}
                assert end(person, transfer).json == ended, "the same again answers the same"
                expect_error(accept(taker, transfer, 409), 409, OVER)
                assert transfers(taker) == []
                assert entries_of(giver) == [entry], "as it was before"
    transfer = give(giver, entry, taker.email)
    accept(taker, transfer)
    expect_error(end(giver, transfer, 409), 409, OVER)
    assert accept(taker, transfer).json["status"] == "taken", "the same again answers the same"


def test_whose_it_is_not_is_told_nothing(server):
    giver, entry = holder_of(server)
    taker, other = server.as_user(), server.as_user()
    expect_not_authorized(other.post(f"/api/entries/{entry['id']}/transfers", {"email": taker.email}))
    transfer = give(giver, entry, taker.email)
    path = f"/api/transfers/{transfer['id']}"
    for person in (other, server.client()):
        expect_not_authorized(person.get(path))
        expect_not_authorized(person.delete(path))
        expect_not_authorized(person.post(path + "/accept"))
    expect_not_authorized(giver.post(path + "/accept"))
    assert transfers(other) == transfers(other, "given") == []
    for answer in (giver.get(f"/api/transfers/{new_id()}"), giver.delete(f"/api/transfers/{new_id()}"),
                   giver.post(f"/api/transfers/{new_id()}/accept"),
                   giver.post(f"/api/entries/{new_id()}/transfers", {"email": taker.email})):
        expect_not_found(answer)
    assert expect(taker.get(path), 200).json == expect(giver.get(path), 200).json == transfer


def test_what_is_wrong_with_the_address_is_said(server):
    giver, entry = holder_of(server)
    path = f"/api/entries/{entry['id']}/transfers"
    with Cases() as case:
        for wrong in (None, "", 7, "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "x" * 250 + "@e.de"):
            with case(wrong):
                expect_errors(giver.post(path, {"email": wrong}), 400, [("Email must be valid", "email")])
        for own in (giver.email, f" {giver.email.upper()} "):
            with case(own):
                code, hint = fault(giver.post(path, {"email": own}), "email")
                assert code == "own_address" and "yours already" in hint
    expect(giver.get("/api/transfers?direction=back"), 400)
    # A typo, taken back, and then the right one.
    typo = give(giver, entry, "bbo@example.test")
    expect_error(give(giver, entry, "bob@example.test", 409), 409, WAITING)
    end(giver, typo)
    give(giver, entry, "bob@example.test")


def test_a_session_that_names_no_address_gets_nothing(server):
    giver, entry = holder_of(server)
    transfer = give(giver, entry, "bob@example.test")
    nobody = server.as_user(email="no address")
    assert transfers(nobody) == []
    expect_not_authorized(nobody.post(f"/api/transfers/{transfer['id']}/accept"))


def test_two_at_once_one_wins(server):
    _, listing = some_listing(server, seats=12)
    for _ in range(12):
        giver, entry = holder_of(server, listing)
        taker = server.as_user()
        again = server.as_user(taker.user_id, taker.email)
        transfer = give(giver, entry, taker.email)
        path, answers = f"/api/transfers/{transfer['id']}", []
        asks = [lambda: again.post(path + "/accept"), lambda: taker.post(path + "/accept"),
                lambda: giver.delete(path)]
        threads = [threading.Thread(target=lambda ask=ask: answers.append(ask().status)) for ask in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        status = expect(giver.get(path), 200).json
        assert status["version"] == 1 and set(answers) == {200, 409}, (status, answers)
        taken = status["status"] == "taken"
        assert [e["version"] for e in entries_of(taker)] == ([1] if taken else [])
        assert [e["version"] for e in entries_of(giver)] == ([] if taken else [0])


def test_the_money_back_ends_what_waits(server):
    giver, entry = holder_of(server)
    taker = server.as_user()
    transfer = give(giver, entry, taker.email)
    event = {"id": entry["orderId"], "version": 99, "ticket": {"id": entry["ticketId"], "price": 1},
             "tickets": [{"id": entry["ticketId"], "price": 1}]}
    publish(server, "order:cancelled", **event)
    wait_entries(giver, 1, "void")
    assert expect(giver.get(f"/api/transfers/{transfer['id']}"), 200).json["status"] == "ended"
    expect_error(accept(taker, transfer, 409), 409, OVER)
    expect_error(give(giver, entry, taker.email, 409), 409, "This ticket is void, nobody gets in by it")


def test_the_money_back_voids_it_in_anybodys_hands(server):
    giver, entry = holder_of(server)
    taker = server.as_user()
    accept(taker, give(giver, entry, taker.email))
    publish(server, "order:cancelled", id=entry["orderId"], version=99, ticket={"id": entry["ticketId"], "price": 1},
            tickets=[{"id": entry["ticketId"], "price": 1}])
    voided, = wait_entries(taker, 1, "void")
    assert voided["version"] == 2 and entries_of(giver) == []


def berlin(seconds):
    """So far from now, as clocks in Berlin show it; and the moment of that minute."""
    at = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin")) + datetime.timedelta(seconds=seconds)
    at = at.replace(second=0, microsecond=0)
    return at.strftime("%Y-%m-%dT%H:%M"), at


def of_a_show(server, seconds):
    """A holder of an entry of a show that begins so soon."""
    starts, at = berlin(seconds)
    staff, show = some_show(server, startsAt=starts, doorsAt=starts)
    giver, entry = holder_of(server, make_listing(server.as_user(), show["id"]))
    return staff, show, giver, entry, at


def test_it_ends_two_hours_before_the_show_wherever_that_moves(server):
    staff, show, giver, entry, at = of_a_show(server, 3 * DAY)
    transfer = give(giver, entry, "bob@example.test")

    def ends():
        return moment(expect(giver.get(f"/api/transfers/{transfer['id']}"), 200).json["endsAt"])

    hours = datetime.timedelta(hours=2)
    week = moment(transfer["madeAt"]) + datetime.timedelta(days=7)
    assert ends() == at - hours
    show = act(staff, "shows", show, "postpone")
    wait_for(lambda: ends() == week, 10, "a show without a time to set no end")
    starts, at = berlin(2 * DAY)
    show = act(staff, "shows", show, "reschedule", startsAt=starts)
    wait_for(lambda: ends() == at - hours, 10, "the end to follow the show")
    act(staff, "shows", show, "cancel", reason="withdrawn")
    wait_for(lambda: entries_of(giver)[0]["show"]["status"] == "cancelled", 10, "the show to be cancelled")
    end(giver, transfer)
    expect_error(give(giver, entry, "bob@example.test", 409), 409,
                 "This show was cancelled, nothing of it is sold any more")


def test_of_a_merged_show_it_ends_by_the_other_one(server):
    staff, double, giver, entry, _ = of_a_show(server, 3 * DAY)
    starts, at = berlin(2 * DAY)
    show = make_show(staff, double["venueId"], startsAt=starts, doorsAt=starts, rules={})
    transfer = give(giver, entry, "bob@example.test")
    act(staff, "shows", double, "merge", into=show["id"])
    wait_for(lambda: moment(expect(giver.get(f"/api/transfers/{transfer['id']}"), 200).json["endsAt"]) ==
             at - datetime.timedelta(hours=2), 10, "the other show's end")


def test_it_ends_by_itself():
    if sanitizer():
        raise Skip("a program with a sanitizer takes no clock of another library")
    with contextlib.closing(WallClock()) as clock, Server(env=clock.environment()) as server:
        server.as_user = lasting(server, 9)
        *_, giver, entry, _ = of_a_show(server, 3 * DAY)
        far_giver, far_entry = holder_of(server)
        taker = server.as_user()
        near, far = give(giver, entry, taker.email), give(far_giver, far_entry, taker.email)
        with server.listen("transfer:updated") as told:
            clock.set(3 * DAY - 3600)
            event, = [one["data"] for one in told.wait_count(1)]
        assert event == {"id": near["id"], "version": 1, "entryId": entry["id"], "status": "ended",
                         "userId": giver.user_id}
        expect_error(accept(taker, near, 409), 409, OVER)
        assert [one["id"] for one in transfers(taker)] == [far["id"]]
        expect_error(give(giver, entry, taker.email, 409), 409,
                     "Tickets change hands until two hours before the show")
        # What came due while nobody was running ends with the start.
        server.stop()
        clock.set(7 * DAY)
        server.start()
        taker = lasting(server, 9)(taker.user_id)
        wait_for(lambda: transfers(taker) == [], 10, "the other one to end")


def test_the_receiver_is_told_once_and_the_giver_when_it_is_taken():
    with SmtpDouble() as double, mailing(double) as server:
        giver, taker = server.sign_up(), server.sign_up()
        bought(giver, some_listing(server)[1])
        entry, = wait_entries(giver, 1)
        transfer = give(giver, entry, taker.email)
        sent = one_to(double, taker.email)
        assert sent.message["Subject"] == "A ticket for you: Mono Lake"
        text = sent.message.get_body(("plain",)).get_content()
        assert "https://tickets.example/my-tickets" in text and transfer["id"] not in text
        for _ in range(2):
            accept(taker, transfer)
        delivered(server, kind="taken", cause=transfer["id"], to=giver.email, status="sent")
        subjects = [one.message["Subject"] for one in to(double, giver.email)]
        assert subjects.count("Taken: your ticket for Mono Lake") == 1, subjects
        assert len(to(double, taker.email)) == 1
        # Who declines, and who takes back, is not told of it.
        end(giver, give(taker, expect(taker.get(f"/api/entries/{entry['id']}"), 200).json, giver.email))
        assert not [row for row in mails(server) if row["kind"] == "taken" and row["cause"] != transfer["id"]]


def test_where_addresses_are_confirmed_nobody_else_takes_what_is_sent_to_them():
    with Server(env={"CONFIRMED_SELLERS": "on"}) as server:
        # Nobody sells here without a confirmed address either.
        staff, show = some_show(server)
        seller, taker = server.sign_up(), server.sign_up()

        def confirm(person):
            token = mailed_token(server, person.email, "/auth/verify")
            expect(server.client().post("/api/users/verify", {"token": token}), 200)

        confirm(seller)
        body = {"showId": show["id"], "seats": ["1"], "split": "any", "price": 40, "delivery": "issued"}
        listing = wait_for(lambda: (lambda a: a.json if a.status == 201 else None)(
            seller.post("/api/listings", body)), 10, "the seller to be known")
        giver, entry = holder_of(server, listing)
        transfer = give(giver, entry, taker.email)
        answer = accept(taker, transfer, 403)
        expect_error(answer, 403, "Confirm your email address first, by a link that is mailed to you")
        assert answer.json["errors"][0]["code"] == "address_unconfirmed" and transfers(taker) == [transfer]
        confirm(taker)
        wait_for(lambda: taker.post(f"/api/transfers/{transfer['id']}/accept").status == 200, 10,
                 "entries to hear of it")
        assert staff and entries_of(taker)
