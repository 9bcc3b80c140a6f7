/* client/smtp_client.c: see client/smtp_client.h; on libcurl. */
#include "client/smtp_client.h"

#include "client/library.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#define KEPT_MAX 8

static struct {
    pthread_mutex_t lock;
    CURL *idle[KEPT_MAX];
    size_t count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One message being handed over. */
struct handover {
    struct str rest; /* of its bytes */
    bool rcpt_sent;  /* the server was told whom it is for, or more */
    bool data_begun; /* it was asked for the message's bytes */
    bool all_sent;   /* and has got the last of them */
    char *reply;     /* SMTP_REPLY_MAX */
};

static CURL *take_connection(void)
{
    CURL *curl = NULL;

    client_library_start();
    pthread_mutex_lock(&kept.lock);
    if (kept.count) curl = kept.idle[--kept.count];
    pthread_mutex_unlock(&kept.lock);
    return curl ? curl : curl_easy_init();
}

static void give_connection_back(CURL *curl)
{
    pthread_mutex_lock(&kept.lock);
    if (kept.count < KEPT_MAX) {
        kept.idle[kept.count++] = curl;
        curl = NULL;
    }
    pthread_mutex_unlock(&kept.lock);
    if (curl) curl_easy_cleanup(curl);
}

void smtp_close(void)
{
    pthread_mutex_lock(&kept.lock);
    while (kept.count)
        curl_easy_cleanup(kept.idle[--kept.count]);
    pthread_mutex_unlock(&kept.lock);
}

bool smtp_url_is_loopback(const char *url)
{
    const char *host = strstr(url, "://"), *at, *end;
    struct str name;

    if (!host) return false;
    host += 3;
    end = host + strcspn(host, "/?#");
    for (at = host; at < end; at++)
        if (*at == '@') host = at + 1;
    name = (struct str){host, *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#")};
    return str_eq(name, STR("localhost")) || str_eq(name, STR("[::1]")) ||
           str_starts(name, STR("127."));
}

static size_t give_bytes(char *at, size_t one, size_t count, void *context)
{
    struct handover *handover = context;
    size_t room = one * count, size = handover->rest.len < room ? handover->rest.len : room;

    memcpy(at, handover->rest.at, size);
    handover->rest = (struct str){handover->rest.at + size, handover->rest.len - size};
    handover->data_begun = true;
    if (size == 0) handover->all_sent = true;
    return size;
}

static void keep_text(char reply[SMTP_REPLY_MAX], struct str text)
{
    size_t length = 0;

    for (size_t i = 0; i < text.len && length < SMTP_REPLY_MAX - 1; i++)
        if (text.at[i] >= ' ' && text.at[i] <= '~') reply[length++] = text.at[i];
    reply[length] = '\0';
}

/* The server's lines, as they come, but for its good-bye. */
static size_t take_reply(char *at, size_t one, size_t count, void *context)
{
    struct str line = {at, one * count};

    if (!str_starts(line, STR("221"))) keep_text(((struct handover *)context)->reply, line);
    return one * count;
}

/* How far the talk has come, by our own commands. */
static int hear_commands(CURL *curl, curl_infotype kind, char *at, size_t size, void *context)
{
    struct handover *handover = context;

    (void)curl;
    if (kind == CURLINFO_HEADER_OUT && str_starts((struct str){at, size}, STR("RCPT ")))
        handover->rcpt_sent = true;
    return 0;
}

static void prepare(CURL *curl, const struct smtp_message *message, const char *from,
                    struct curl_slist *to, struct handover *handover)
{
    bool near = smtp_url_is_loopback(message->url);

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, message->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, near ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)message->connect_ms_max);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)message->total_ms_max);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_bytes);
    curl_easy_setopt(curl, CURLOPT_READDATA, handover);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, handover);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, hear_commands);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, handover);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
}

/* What became of it. The reply's number counts once the server was told whom it is for: before, it
 * is about us. */
static enum smtp_result result_of(CURL *curl, CURLcode code, const struct handover *handover)
{
    long status = 0;

    if (code == CURLE_OK) return SMTP_TAKEN;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (!handover->rcpt_sent) return SMTP_LATER;
    if (status >= 500) return SMTP_REFUSED;
    if (status >= 400) return SMTP_LATER;
    return handover->all_sent ? SMTP_UNCERTAIN : SMTP_LATER;
}

enum smtp_result smtp_send(const struct smtp_message *message, char reply[SMTP_REPLY_MAX])
{
    struct handover handover = {.rest = message->bytes, .reply = reply};
    char from[SMTP_ADDRESS_MAX + 3], to[SMTP_ADDRESS_MAX + 3];
    enum smtp_result result = SMTP_LATER;
    struct curl_slist *list;
    CURLcode code;
    CURL *curl;

    keep_text(reply, STR("out of memory"));
    snprintf(from, sizeof from, "<%.*s>", (int)message->from.len, message->from.at);
    snprintf(to, sizeof to, "<%.*s>", (int)message->to.len, message->to.at);
    list = curl_slist_append(NULL, to);
    curl = take_connection();
    if (!list || !curl) goto done;
    reply[0] = '\0';
    prepare(curl, message, from, list, &handover);
    code = curl_easy_perform(curl);
    result = result_of(curl, code, &handover);
    if (code != CURLE_OK && !reply[0]) keep_text(reply, str_of(curl_easy_strerror(code)));
    if (code == CURLE_OK) {
        give_connection_back(curl);
        curl = NULL;
    }
done:
    if (curl) curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return result;
}
