/* A line of a day's file of salts, and the file as a whole. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/audit/salts.h"
#include "policy/rules/requirement.h"

static const char digits[] = "0123456789abcdef";

bool
salts_day(const char *name, int32_t *day)
{
	return strlen(name) == SALTS_NAME && day_parse(slice_of(name), day);
}

void
salts_print(const struct salts_entry *e, struct text *out)
{
	text_puts(out, e->commitment);
	text_char(out, ' ');
	for (int i = 0; i < PERSON_SALT; i++) {
		text_char(out, digits[e->salt[i] >> 4]);
		text_char(out, digits[e->salt[i] & 15]);
	}
	text_printf(out, " %s ", person_kind_name(e->kind));
	text_put_xencoded(out, e->value);
	text_char(out, '\n');
}

static bool
is_hex(struct slice s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(digits, s.p[i]) == NULL)
			return false;
	return s.n == n;
}

static bool
is_erased(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '-')
			return false;
	return s.n > 0;
}

bool
salts_parse(struct slice line, struct salts_entry *e)
{
	struct slice word, salt;

	if (!slice_next(&line, ' ', &word) || !is_hex(word, PERSON_HEX))
		return false;
	memcpy(e->commitment, word.p, PERSON_HEX);
	e->commitment[PERSON_HEX] = '\0';
	e->erased = is_erased(line);
	e->value = line;
	if (e->erased)
		return true;
	if (!slice_next(&line, ' ', &salt) ||
	    !is_hex(salt, 2 * (size_t)PERSON_SALT) ||
	    !slice_next(&line, ' ', &word) ||
	    !person_kind_by_name(word, &e->kind))
		return false;
	for (size_t i = 0; i < PERSON_SALT; i++)
		e->salt[i] = (unsigned char)(text_hex_digit(salt.p[2 * i]) << 4 |
		    text_hex_digit(salt.p[2 * i + 1]));
	e->value = line;
	return line.n > 0 && slice_find(line, ' ') == line.n;
}

bool
salts_check(struct person_hash *hash, const struct salts_entry *e,
    struct text *value, bool *good)
{
	unsigned char mac[PERSON_SALT];

	text_put_xdecoded(value, e->value);
	if (!person_hash_value(hash, e->salt, e->kind,
	    slice_make(value->buf, value->n), mac))
		return false;
	*good = !value->cut;
	for (size_t i = 0; i < PERSON_COMMITMENT && *good; i++)
		*good = e->commitment[2 * i] == digits[mac[i] >> 4] &&
		    e->commitment[2 * i + 1] == digits[mac[i] & 15];
	return true;
}

static char *
read_all(int fd, const char *name, size_t *n, struct fault *fault)
{
	size_t room = 64 * 1024;
	char *text = malloc(room);
	ssize_t got = 1;

	for (*n = 0; text != NULL && got > 0; *n += (size_t)got) {
		if (*n == room) {
			char *larger = realloc(text, room *= 2);

			if (larger == NULL)
				free(text);
			if ((text = larger) == NULL)
				break;
		}
		do
			got = read(fd, text + *n, room - *n);
		while (got == -1 && errno == EINTR);
		if (got == -1) {
			fault_errno(fault, FAULT_IO, errno, "%s", name);
			free(text);
			return NULL;
		}
	}
	if (text == NULL)
		fault_no_memory(fault);
	return text;
}

void
salts_unopened(const char *name, struct fault *fault)
{
	int error = errno;

	fault_errno(fault, FAULT_IO, error, "salts of %s", name);
	fault->kind = error == ENOENT ? FAULT_NOINPUT : FAULT_IO;
}

char *
salts_load(int dir, const char *name, size_t *n, struct fault *fault)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;

	if (fd == -1) {
		salts_unopened(name, fault);
		return NULL;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		fault_set(fault, FAULT_IO, "salts of %s: this is no file", name);
	else
		text = read_all(fd, name, n, fault);
	close(fd);
	return text;
}
