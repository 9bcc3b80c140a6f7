/* mail.c: one mail, over SMTP (RFC 5321) with libcurl. */
#include "notifier.h"

#include <telemetry/log.h>
#include <base/money.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAIL_BYTES_MAX  8192
#define MAIL_SECONDS    20L
#define BASE64_LINE_MAX 76 /* RFC 2045 section 6.8 */

static struct mail_server server;

/* An address that can stand in a header and in an SMTP command as it is. */
static bool is_plain_address(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == '<' || *at == '>' || *at == 127) return false;
    return strchr(text, '@') != NULL && strlen(text) < MAIL_TEXT_MAX;
}

bool mail_server_from_environment(struct buf *why)
{
    const char *url = getenv("SMTP_URL"), *from = getenv("MAIL_FROM");

    if (!url || (strncmp(url, "smtp://", 7) != 0 && strncmp(url, "smtps://", 8) != 0)) {
        buf_printf(why, "SMTP_URL must be smtp://HOST:PORT or smtps://HOST:PORT");
        return false;
    }
    if (!from || !is_plain_address(from)) {
        buf_printf(why, "MAIL_FROM must be the sender's mail address");
        return false;
    }
    server = (struct mail_server){url, from};
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static void append_base64(struct buf *out, struct str text)
{
    struct buf encoded;

    buf_init(&encoded, NULL, MAIL_BYTES_MAX);
    base64_encode(&encoded, text, false);
    for (size_t at = 0; at < encoded.len; at += BASE64_LINE_MAX) {
        size_t rest = encoded.len - at;

        buf_append(out,
                   (struct str){encoded.at + at, rest < BASE64_LINE_MAX ? rest : BASE64_LINE_MAX});
        buf_append(out, STR("\r\n"));
    }
    out->failed |= encoded.failed;
    buf_free(&encoded);
}

/* Headers, then the text in base64: titles are anybody's Unicode. */
static void compose(struct buf *out, const struct mail *mail)
{
    time_t seconds = (time_t)wall_seconds(mail->now);
    char date[64], memory[2 * MAIL_TEXT_MAX];
    struct buf text = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    buf_printf(out, "Date: %s\r\nFrom: Boxoffice <%s>\r\nTo: <%s>\r\n", date, server.from,
               mail->to);
    buf_printf(out, "Message-ID: <order-%s@boxoffice>\r\n", mail->order_id);
    buf_append(out, STR("Subject: Your ticket is yours\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n"));
    buf_printf(&text, "You bought: %s\nPrice: $", mail->title);
    money_append(&text, mail->price_cents);
    buf_printf(&text, "\nOrder: %s\n", mail->order_id);
    append_base64(out, buf_str(&text));
    out->failed |= text.failed;
}

static size_t give(char *out, size_t one, size_t count, void *context)
{
    struct str *rest = context;
    size_t size = one * count < rest->len ? one * count : rest->len;

    memcpy(out, rest->at, size);
    rest->at += size;
    rest->len -= size;
    return size;
}

static CURLcode deliver(CURL *curl, const char *to, struct str message)
{
    struct curl_slist *recipients = curl_slist_append(NULL, to);
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (!recipients) return code;
    curl_easy_setopt(curl, CURLOPT_URL, server.url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, MAIL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, server.from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &message);
    code = curl_easy_perform(curl);
    curl_slist_free_all(recipients);
    return code;
}

bool mail_send(const struct mail *mail)
{
    CURLcode code = CURLE_OUT_OF_MEMORY;
    struct buf message;
    CURL *curl;

    if (!is_plain_address(mail->to)) return true; /* nobody could ever be reached there */
    buf_init(&message, NULL, MAIL_BYTES_MAX);
    compose(&message, mail);
    curl = curl_easy_init();
    if (curl && !message.failed) code = deliver(curl, mail->to, buf_str(&message));
    curl_easy_cleanup(curl);
    buf_free(&message);
    if (code != CURLE_OK)
        log_event(LOG_WARN, "notifier", "mail.failed", log_text("order", str_of(mail->order_id)),
                  log_text("reason", str_of(curl_easy_strerror(code))));
    return code == CURLE_OK;
}
