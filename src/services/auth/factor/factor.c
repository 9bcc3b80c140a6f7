/* services/auth/factor/factor.c: codes looked at and used up; what the first step of signing in
 * hands to the second. */
#include "services/auth/factor/factor.h"

#include "services/auth/store.h"

#define TYPED_MAX   64 /* letters of a code that are looked at */
#define TOKEN_BYTES 256
#define ID_HEX      ((size_t)24)

/* --- codes --------------------------------------------------------------------------------- */

enum err factor_is_on(struct tx *tx, struct object_id user_id, bool *on)
{
    struct factor factor = {.on = false};
    enum err err = factor_get(tx, user_id, &factor);

    *on = err == OK && factor.on;
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err roles_in_session(const struct env *env, struct tx *tx, struct object_id user_id,
                          struct role_set *out, bool *withheld)
{
    struct object_id_text id = object_id_text(user_id);
    bool on = true;
    enum err err;

    *withheld = false;
    TRY(user_roles(tx, str_of(id.hex), out));
    if (!out->bits || !env->settings->staff_factor) return OK;
    TRY(factor_is_on(tx, user_id, &on));
    if (on) return OK;
    *withheld = true;
    *out = (struct role_set){0};
done:
    return err;
}

static struct sha256_text code_hash(struct str code)
{
    struct sha256 sum;
    struct sha256_text out;

    sha256_begin(&sum);
    sha256_add(&sum, code);
    sha256_end(&sum, &out);
    return out;
}

/* As it is compared: without the spaces and dashes that it is shown with, in lower case. */
static struct str code_normal(struct str typed, char out[TYPED_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < typed.len && len < TYPED_MAX; i++) {
        char c = typed.at[i];

        if (c != ' ' && c != '-') out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct str){out, len};
}

static enum err code_find(struct tx *tx, struct object_id user_id, const struct factor *factor,
                          struct str typed, struct factor_use *use, bool *right)
{
    char normal[TYPED_MAX];
    struct str code = code_normal(typed, normal);

    *use = (struct factor_use){.recovery = code.len == RECOVERY_LETTERS};
    *right = totp_find(&factor->secret, code, tx->now, &use->step) && use->step > factor->last_step;
    if (!use->recovery) return OK;
    use->hash = code_hash(code);
    return recovery_has(tx, user_id, &use->hash, right);
}

static enum err refuse_code(struct request *rq, const char *message)
{
    return request_reject_for(rq, "code", message, "invalid_code", NULL);
}

enum err factor_look(struct request *rq, struct tx *tx, const struct user *user,
                     const struct factor *factor, const struct guesser *who, struct factor_use *out)
{
    struct auth *auth = rq->run->env->state;
    struct str typed = request_body_text(rq, "code");
    struct object_id_text id = object_id_text(user->id);
    bool right;
    enum err err;

    if (!str_trim(typed).len) return refuse_code(rq, "You must supply a code");
    TRY(busy_told(rq, guess_take(&auth->guesses, who, rq)));
    TRY(code_find(tx, user->id, factor, typed, out, &right));
    if (right) {
        guess_was_right(&auth->guesses, who);
        return OK;
    }
    refusal_log(rq, REFUSED_CODE, str_of(id.hex));
    return refuse_code(rq, "This code is not right, or was used");
done:
    return err;
}

enum err factor_take(struct request *rq, struct tx *tx, struct object_id user_id,
                     const struct factor_use *use)
{
    bool used;
    enum err err;

    if (use->recovery)
        TRY(recovery_use(tx, user_id, &use->hash, &used));
    else
        TRY(factor_use_step(tx, user_id, use->step, &used));
    if (!used) return refuse_code(rq, "This code is not right, or was used");
done:
    return err;
}

enum err recovery_codes_make(struct env *env, struct tx *tx, struct object_id user_id,
                             struct json_writer *json)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    char code[RECOVERY_LETTERS];
    enum err err = OK;

    json_begin_array(json);
    for (int n = 0; n < RECOVERY_CODES; n++) {
        struct sha256_text hash;

        random_fill(env->random, code, sizeof code);
        for (size_t i = 0; i < sizeof code; i++)
            code[i] = letters[(unsigned char)code[i] & 31];
        hash = code_hash((struct str){code, sizeof code});
        TRY(recovery_put(tx, user_id, &hash));
        json_put_text(json, (struct str){code, sizeof code});
    }
    json_end_array(json);
done:
    explicit_bzero(code, sizeof code);
    return err;
}

/* --- between the steps --------------------------------------------------------------------- */

/* ID.TIME, and a seal over both and the password's hash, which is in nobody's hands: no token's
 * signed part has a space, no device's number and no link's kind is such a word. */
static bool sealed_text(struct request *rq, const struct user *user, struct str head,
                        struct buf *out)
{
    buf_init(out, rq->arena, TOKEN_BYTES + PASSWORD_HASH_SIZE);
    buf_append(out, STR("boxoffice factor "));
    buf_append(out, head);
    buf_char(out, ' ');
    buf_append(out, str_of(user->hash.text));
    return !out->failed;
}

static enum err token_make(struct request *rq, struct tx *tx, const struct user *user,
                           struct buf *out)
{
    struct object_id_text id = object_id_text(user->id);
    char seal[SESSION_SEAL_HEX + 1];
    struct buf sealed;

    buf_init(out, rq->arena, TOKEN_BYTES);
    buf_append(out, str_of(id.hex));
    buf_char(out, '.');
    buf_int(out, wall_after(tx->now, FACTOR_ASKED_MS).ms);
    if (out->failed || !sealed_text(rq, user, buf_str(out), &sealed)) return ERR_MEMORY;
    session_keys_seal(rq->run->env->keys, buf_str(&sealed), seal);
    buf_char(out, '.');
    buf_append(out, str_of(seal));
    return out->failed ? ERR_MEMORY : OK;
}

enum err factor_ask(struct request *rq, struct tx *tx, const struct user *user, bool *asked)
{
    struct json_writer json;
    struct buf token, value;
    enum err err;

    TRY(factor_is_on(tx, user->id, asked));
    if (!*asked) return OK;
    TRY(token_make(rq, tx, user, &token));
    buf_init(&value, rq->arena, 2 * TOKEN_BYTES);
    json = json_writer_to(&value);
    json_put_text(&json, buf_str(&token));
    if (request_refuse_with(rq, ERR_FACTOR_REQUIRED, "token", &value) == ERR_MEMORY)
        return ERR_MEMORY;
    reply_error(rq, ERR_FACTOR_REQUIRED); /* and what was written stays */
    reply_header(&rq->reply, "Cache-Control", STR("no-store"));
done:
    return err;
}

/* Its parts. False: it has another form. */
static bool token_parts(struct str token, struct object_id *id, struct wall_ms *ends_at,
                        struct str *head, struct str *seal)
{
    struct str time;

    if (token.len > TOKEN_BYTES || token.len <= ID_HEX + 1 + SESSION_SEAL_HEX + 1) return false;
    *head = (struct str){token.at, token.len - SESSION_SEAL_HEX - 1};
    *seal = (struct str){head->at + head->len + 1, SESSION_SEAL_HEX};
    time = (struct str){token.at + ID_HEX + 1, head->len - ID_HEX - 1};
    return token.at[ID_HEX] == '.' && head->at[head->len] == '.' &&
           object_id_parse((struct str){token.at, ID_HEX}, id) && str_to_int64(time, &ends_at->ms);
}

enum err factor_asked(struct request *rq, struct tx *tx, struct str token, struct user *user)
{
    struct wall_ms ends_at;
    struct object_id id;
    struct str head, seal;
    struct buf sealed;
    enum err err;

    if (!token_parts(token, &id, &ends_at, &head, &seal) || wall_reached(tx->now, ends_at))
        return ERR_FACTOR_OVER;
    err = user_get(tx, rq->arena, id, user);
    if (err == ERR_NOT_FOUND) return ERR_FACTOR_OVER;
    TRY(err);
    if (!sealed_text(rq, user, head, &sealed)) return ERR_MEMORY;
    if (!session_keys_sealed(rq->run->env->keys, buf_str(&sealed), seal) ||
        user->status != USER_ACTIVE)
        return ERR_FACTOR_OVER;
done:
    return err;
}

enum err factor_told(struct request *rq, struct tx *tx, struct object_id user_id, bool on)
{
    struct object_id_text id = object_id_text(user_id);
    enum err err;

    TRY(publish_factor_changed(tx, &(struct factor_changed){.id = env_new_id(rq->run->env, tx),
                                                            .user_id = str_of(id.hex),
                                                            .on = on}));
    if (rq->operator) return OK; /* its route is in the audit log */
    TRY(audit_put(rq->run->env, tx,
                  &(struct audit){.action = on ? "user.factor_on" : "user.factor_off",
                                  .actor = str_of(id.hex),
                                  .address = rq->client}));
done:
    return err;
}
