/* cli/data/manifest.c: manifest.json, written and read. */
#include "cli/data/manifest.h"

#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MANIFEST_BYTES_MAX (1024 * 1024)

/* --- writing ------------------------------------------------------------------------------- */

static void put_file(struct json_writer *json, const struct manifest_file *file)
{
    json_begin_object(json);
    json_member_text(json, "name", str_of(file->name));
    json_member_int(json, "bytes", file->bytes);
    json_member_text(json, "sha256", str_of(file->sum.hex));
    if (file->step_count) {
        json_key(json, "steps");
        json_begin_array(json);
        for (size_t i = 0; i < file->step_count; i++)
            json_put_text(json, str_of(file->steps[i]));
        json_end_array(json);
    }
    json_end_object(json);
}

static void put_manifest(struct buf *out, const struct manifest *manifest)
{
    struct json_writer json = json_writer_to(out);

    json_begin_object(&json);
    json_member_int(&json, "format", MANIFEST_FORMAT);
    json_member_text(&json, "version", str_of(manifest->version));
    json_member_time(&json, "time", manifest->time);
    json_key(&json, "files");
    json_begin_array(&json);
    for (size_t i = 0; i < manifest->count; i++)
        put_file(&json, &manifest->files[i]);
    json_end_array(&json);
    json_end_object(&json);
    buf_char(out, '\n');
}

bool manifest_write(const char *folder, const struct manifest *manifest)
{
    char path[PATH_BYTES];
    struct buf text;
    bool ok = false;
    int fd = -1;

    buf_init(&text, NULL, MANIFEST_BYTES_MAX);
    put_manifest(&text, manifest);
    if (!text.failed && path_join(path, folder, MANIFEST_NAME))
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ok = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
        close(fd);
    }
    buf_free(&text);
    return ok;
}

/* --- reading ------------------------------------------------------------------------------- */

/* A plain name: it becomes a path below a folder. */
static bool take_name(const struct json *value, char out[NAME_BYTES])
{
    struct str name;

    if (!json_text(value, &name) || name.len == 0 || name.len >= NAME_BYTES) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] == '/' || name.at[i] > '~') return false;
    snprintf(out, NAME_BYTES, "%.*s", (int)name.len, name.at);
    return name.at[0] != '.';
}

static bool take_file(struct arena *arena, const struct json *value, struct manifest_file *out)
{
    const struct json *steps = json_get(value, "steps");
    struct str sum;

    if (!take_name(json_get(value, "name"), out->name) ||
        !json_int64(json_get(value, "bytes"), &out->bytes) ||
        !json_text(json_get(value, "sha256"), &sum) || sum.len != SHA256_HEX ||
        json_length(steps) > MANIFEST_STEPS_MAX)
        return false;
    memcpy(out->sum.hex, sum.at, SHA256_HEX);
    out->sum.hex[SHA256_HEX] = '\0';
    out->step_count = json_length(steps);
    for (size_t i = 0; i < out->step_count; i++) {
        struct str step;

        if (!json_text(json_at(steps, i), &step)) return false;
        out->steps[i] = arena_copy(arena, step).at;
        if (!out->steps[i]) return false;
    }
    return true;
}

static bool take_manifest(struct arena *arena, struct str text, struct manifest *out)
{
    const struct json *root = json_parsed(arena, text), *files = json_get(root, "files");
    struct str version, time;
    int64_t format;

    if (!json_int64(json_get(root, "format"), &format) || format != MANIFEST_FORMAT ||
        !json_text(json_get(root, "version"), &version) ||
        !json_text(json_get(root, "time"), &time) || !iso8601_parse(time, &out->time) ||
        json_length(files) == 0 || json_length(files) > MANIFEST_FILES_MAX)
        return false;
    out->version = arena_copy(arena, version).at;
    out->count = json_length(files);
    for (size_t i = 0; i < out->count; i++)
        if (!take_file(arena, json_at(files, i), &out->files[i])) return false;
    return out->version != NULL;
}

bool manifest_read(const char *folder, struct arena *arena, struct manifest *out, struct buf *why)
{
    char path[PATH_BYTES];
    char *text = arena_alloc_raw(arena, MANIFEST_BYTES_MAX);
    int fd = path_join(path, folder, MANIFEST_NAME) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 && text ? read(fd, text, MANIFEST_BYTES_MAX) : -1;

    *out = (struct manifest){0};
    if (length < 0)
        buf_printf(why, "cannot read %s: %s; is %s a backup?", path, strerror(errno), folder);
    else if (!take_manifest(arena, (struct str){text, (size_t)length}, out))
        buf_printf(why, "%s is damaged, or was made by a later version", path);
    if (fd >= 0) close(fd);
    return why->len == 0;
}
