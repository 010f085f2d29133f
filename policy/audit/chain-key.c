/*
 * Whatever begins like a ratchet is one, or is refused: a mistake in it must
 * not make it the bytes of a key that stays.
 */
#include <openssl/sha.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/audit/chain-key.h"
#include "policy/base/folder.h"

#define WORD "tlspolicy ratchet"
#define FIRST WORD " 1"

static bool
key_fault(const char *path, struct fault *fault, const char *what,
    const char *mend)
{
	if (mend != NULL)
		fault_set(fault, FAULT_SETTINGS, "%s: %s: %s %s", path, what,
		    mend, path);
	else
		fault_set(fault, FAULT_SETTINGS, "%s: %s", path, what);
	fault_at_setting(fault, "audit-key-file");
	return false;
}

static bool
begins_like_one(int fd)
{
	char start[sizeof WORD - 1];

	return pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start &&
	    memcmp(start, WORD, sizeof start) == 0;
}

bool
chain_is_ratchet(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
	    O_NOFOLLOW);
	bool is = fd != -1 && begins_like_one(fd);

	if (fd != -1)
		close(fd);
	return is;
}

/*
 * The daemon's user owns a ratchet in a folder of its own, as it replaces it;
 * so root takes it from there, and it says no more than that user could say.
 */
static bool
is_of_daemon(int fd, const char *path, uid_t owner)
{
	struct fault ignored;
	uid_t of_folder = 0;

	return geteuid() == 0 && begins_like_one(fd) &&
	    folder_owner(path, &of_folder, &ignored) && of_folder == owner;
}

/*
 * Who else may read the key can forge the log; who else may write it, or owns
 * it, can choose it.  A group may read it: how a daemon comes to root's key.
 */
static bool
check_key_file(int fd, const char *path, struct fault *fault)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return key_fault(path, fault, "not a regular file", NULL);
	if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    !is_of_daemon(fd, path, st.st_uid))
		return key_fault(path, fault, "it is neither root's nor this "
		    "user's", "chown root");
	if ((st.st_mode & S_IROTH) != 0)
		return key_fault(path, fault, "others can read it",
		    "chmod 0640");
	if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return key_fault(path, fault, "others than its owner can "
		    "write it, or run it", "chmod 0640");
	return true;
}

/* The bytes of a file, but one newline at its end. */
static bool
read_file(const char *path, char *buf, size_t *n, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK | O_NOFOLLOW);
	ssize_t got;

	if (fd == -1 && errno == ELOOP)
		return key_fault(path, fault, "a link: name the file itself",
		    NULL);
	if (fd == -1) {
		fault_errno(fault, FAULT_NOINPUT, errno, "cannot open %s", path);
		fault_at_setting(fault, "audit-key-file");
		return false;
	}
	if (!check_key_file(fd, path, fault)) {
		close(fd);
		return false;
	}
	got = read(fd, buf, CHAIN_KEY_MAX);
	close(fd);
	if (got > 0 && buf[got - 1] == '\n')
		got--;
	if (got < 16 || got == CHAIN_KEY_MAX)
		return key_fault(path, fault, "want a key of 16 to 4095 bytes",
		    NULL);
	*n = (size_t)got;
	return true;
}

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_bytes(struct slice hex, struct chain_key *key)
{
	if (hex.n != 2 * CHAIN_RATCHET_BYTES)
		return false;
	for (size_t i = 0; i < CHAIN_RATCHET_BYTES; i++) {
		int high = hex_value(hex.p[2 * i]);
		int low = hex_value(hex.p[2 * i + 1]);

		if (high == -1 || low == -1)
			return false;
		key->bytes[i] = (char)(high << 4 | low);
	}
	key->n = CHAIN_RATCHET_BYTES;
	return true;
}

/* The next line is this word and a value. */
static bool
next_value(struct slice *text, const char *name, struct slice *value)
{
	struct slice word;

	return slice_next(text, '\n', value) && slice_next(value, ' ', &word) &&
	    slice_is(word, name);
}

static bool
parse(struct slice text, struct chain_key *key)
{
	struct slice line, id, epoch, hex;
	unsigned long number;

	if (!slice_next(&text, '\n', &line) || !slice_is(line, FIRST) ||
	    !next_value(&text, "id", &id) || id.n != CHAIN_ID ||
	    !next_value(&text, "epoch", &epoch) ||
	    !text_number(epoch, CHAIN_EPOCH_MAX, &number) || number == 0 ||
	    !next_value(&text, "key", &hex) || text.n > 0)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (hex_value(id.p[i]) == -1)
			return false;
	memcpy(key->id, id.p, CHAIN_ID);
	key->id[CHAIN_ID] = '\0';
	key->epoch = number;
	return take_bytes(hex, key);
}

/* The id of a first key is known by itself. */
static bool
has_its_id(const struct chain_key *key, struct fault *fault)
{
	struct chain *c;
	bool good;

	if (key->epoch != 1)
		return true;
	c = chain_new(slice_make(key->bytes, key->n), fault);
	good = c != NULL && (strcmp(chain_id(c), key->id) == 0 ||
	    fault_set(fault, FAULT_SETTINGS, "its id is not that of its key"));
	chain_free(c);
	return good;
}

static bool
take_ratchet(const char *path, struct slice text, struct chain_key *key,
    struct fault *fault)
{
	if (!parse(text, key))
		return key_fault(path, fault, "it begins like a ratchet and is "
		    "none: expected the lines \"" FIRST "\", \"id \" with 16 "
		    "hex digits, \"epoch \" with a number and \"key \" with 64 "
		    "hex digits", NULL);
	if (has_its_id(key, fault))
		return true;
	if (fault->kind == FAULT_SETTINGS)
		return key_fault(path, fault, "a ratchet whose id is not that "
		    "of its key", NULL);
	return false;
}

bool
chain_read_key(const char *path, struct chain_key *key, struct fault *fault)
{
	char text[CHAIN_KEY_MAX];
	size_t n = 0;
	bool good = read_file(path, text, &n, fault);

	memset(key, 0, sizeof *key);
	if (good && n >= sizeof WORD - 1 &&
	    memcmp(text, WORD, sizeof WORD - 1) == 0) {
		good = take_ratchet(path, slice_make(text, n), key, fault);
	} else if (good) {
		memcpy(key->bytes, text, n);
		key->n = n;
	}
	explicit_bzero(text, sizeof text);
	if (!good)
		chain_wipe_key(key);
	return good;
}

void
chain_wipe_key(struct chain_key *key)
{
	explicit_bzero(key, sizeof *key);
}

bool
chain_advance_key(struct chain_key *key)
{
	unsigned char next[SHA256_DIGEST_LENGTH];
	bool good = key->epoch > 0 && key->epoch < CHAIN_EPOCH_MAX &&
	    SHA256((const unsigned char *)key->bytes, key->n, next) != NULL;

	if (good) {
		memcpy(key->bytes, next, CHAIN_RATCHET_BYTES);
		key->epoch++;
	}
	explicit_bzero(next, sizeof next);
	return good;
}

bool
chain_start_ratchet(const unsigned char bytes[CHAIN_RATCHET_BYTES],
    struct chain_key *key, struct fault *fault)
{
	struct chain *c;

	memset(key, 0, sizeof *key);
	memcpy(key->bytes, bytes, CHAIN_RATCHET_BYTES);
	key->n = CHAIN_RATCHET_BYTES;
	if ((c = chain_new(slice_make(key->bytes, key->n), fault)) == NULL)
		return false;
	key->epoch = 1;
	memcpy(key->id, chain_id(c), sizeof key->id);
	chain_free(c);
	return true;
}

void
chain_print_ratchet(const struct chain_key *key, struct text *out)
{
	static const char digits[] = "0123456789abcdef";

	text_printf(out, FIRST "\nid %s\nepoch %llu\nkey ", key->id,
	    (unsigned long long)key->epoch);
	for (size_t i = 0; i < key->n; i++) {
		text_char(out, digits[(unsigned char)key->bytes[i] >> 4]);
		text_char(out, digits[(unsigned char)key->bytes[i] & 15]);
	}
	text_char(out, '\n');
}
