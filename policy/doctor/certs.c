/*
 * Of what cert finds only that counts here which keeps an MTA from TLS, or
 * peers from it.  A certificate that signed itself and one without names are
 * what most servers have, and do well with.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/doctor/access.h"
#include "policy/doctor/certs.h"

enum { SOON_DAYS = 14 };

static const struct {
	enum inspect_kind found;
	enum doctor_kind kind;
	bool fatal; /* the MTA cannot show it */
} counted[] = {
	{ .found = INSPECT_KEY_MISMATCH, .kind = DOCTOR_CERTIFICATE_UNUSABLE,
	    .fatal = true },
	{ .found = INSPECT_KEY_ENCRYPTED, .kind = DOCTOR_CERTIFICATE_UNUSABLE,
	    .fatal = true },
	/*
	 * The MTA takes the first certificate for the key's, and a CA's is not.
	 */
	{ .found = INSPECT_CA_FIRST, .kind = DOCTOR_CERTIFICATE_UNUSABLE,
	    .fatal = true },
	{ .found = INSPECT_EXPIRED, .kind = DOCTOR_CERTIFICATE_EXPIRED },
	{ .found = INSPECT_NOT_YET_VALID, .kind = DOCTOR_CERTIFICATE_EXPIRED },
	{ .found = INSPECT_EXPIRES_SOON, .kind = DOCTOR_CERTIFICATE_SOON },
	{ .found = INSPECT_NO_SERVER_PURPOSE, .kind = DOCTOR_CERTIFICATE_WEAK },
	{ .found = INSPECT_NO_CLIENT_PURPOSE, .kind = DOCTOR_CERTIFICATE_WEAK },
	{ .found = INSPECT_WEAK_KEY, .kind = DOCTOR_CERTIFICATE_WEAK },
	{ .found = INSPECT_WEAK_DIGEST, .kind = DOCTOR_CERTIFICATE_WEAK },
	{ .found = INSPECT_CHAIN_BROKEN, .kind = DOCTOR_CERTIFICATE_WEAK },
};

static void
say(const struct certs *c, enum doctor_kind kind, const char *path,
    const char *what)
{
	struct finding *f = doctor_add(c->d, kind, "%s: %s: %s", c->owner, path,
	    what);

	c->mend(c->arg, f);
}

/* False: the MTA cannot use the files. */
static bool
take(const struct certs *c, const struct findings *found)
{
	bool good = true;

	for (size_t i = 0; i < found->n; i++) {
		const struct finding *one = &found->all[i];

		for (size_t k = 0; k < sizeof counted / sizeof counted[0]; k++)
			if (one->kind == &inspect_kinds[counted[k].found]) {
				say(c, counted[k].kind, one->place, one->what);
				good = good && !counted[k].fatal;
			}
	}
	return good;
}

/*
 * A finding has these lines already: clients and servers may be shown one key.
 */
static bool
is_mended(const struct doctor *d, const char *lines)
{
	for (size_t i = 0; i < d->findings->n; i++)
		if (strcmp(d->findings->all[i].lines, lines) == 0)
			return true;
	return false;
}

/* False: the MTA refuses a key with this mode. */
static bool
look_at_mode(const struct certs *c)
{
	mode_t open = c->restart == NULL ? S_IRWXO : S_IRWXO | S_IRWXG;
	char lines[CERTS_PATH_MAX + 16];
	struct finding *f;
	struct stat st;

	if (stat(c->key, &st) == -1 || (st.st_mode & open) == 0)
		return true;
	snprintf(lines, sizeof lines, "chmod %s %s",
	    c->restart == NULL ? "o=" : "go=", c->key);
	if (is_mended(c->d, lines))
		return c->restart == NULL;
	f = doctor_add(c->d, DOCTOR_KEY_OPEN, "%s: the key %s has mode %04o",
	    c->owner, c->key, (unsigned)st.st_mode & 07777);
	finding_mend(f, "run", "%s", lines);
	if (c->restart != NULL)
		finding_then(f, "%s", c->restart);
	return c->restart == NULL;
}

static bool
inspect(const struct certs *c, const struct pemfile *files, size_t n)
{
	const struct inspect_settings settings = { .use = c->use,
		.soon = SOON_DAYS, .now = time(NULL) };
	struct findings found;
	struct fault f;
	size_t keys = 0;
	bool good;

	for (size_t i = 0; i < n; i++)
		keys += files[i].nkeys;
	if (sk_X509_num(files[0].certificates) == 0 || keys == 0) {
		say(c, DOCTOR_CERTIFICATE_UNUSABLE,
		    keys == 0 ? c->key : c->certificate, keys == 0 ?
		    "holds no private key" : "holds no certificate");
		return false;
	}
	findings_init(&found);
	good = inspect_files(files, n, &settings, &found, &f);
	if (!good)
		say(c, DOCTOR_CERTIFICATE_UNUSABLE, c->certificate, f.text);
	good = take(c, &found) && good;
	findings_free(&found);
	return good;
}

/* Closed to the user of this command; the MTA reads it as root. */
static bool
is_closed(const char *path)
{
	return access(path, R_OK) == -1 && errno == EACCES;
}

static bool
say_unseen(const struct certs *c, const char *path)
{
	finding_mend(doctor_add(c->d, DOCTOR_CERTIFICATE_UNSEEN,
	    "%s: %s: %s", c->owner, path, strerror(EACCES)), "run",
	    "sudo tlspolicy doctor");
	return true;
}

static bool
is_in(const char *words, const char *path)
{
	struct slice rest = slice_of(words), word;

	while (slice_next_of(&rest, ", ", &word))
		if (slice_is(word, path))
			return true;
	return false;
}

bool
certs_look(const struct certs *c)
{
	const char *paths[2] = { c->certificate, c->key };
	size_t n = strcmp(c->certificate, c->key) == 0 ? 1 : 2, nread;
	struct pemfile files[2];
	struct fault f;
	bool good = true, unseen = false;

	if (!is_in(c->d->shown->buf, c->certificate))
		text_printf(c->d->shown, "%s ", c->certificate);
	for (nread = 0; nread < n && good; nread += good) {
		good = pemfile_read(paths[nread], &files[nread], &f);
		if (!good && is_closed(paths[nread])) {
			unseen = say_unseen(c, paths[nread]);
			break;
		}
		if (!good)
			say(c, DOCTOR_CERTIFICATE_UNUSABLE, paths[nread],
			    f.text);
	}
	good = good && inspect(c, files, n);
	while (nread > 0)
		pemfile_free(&files[--nread]);
	return unseen || (good && look_at_mode(c));
}

/* One more of the files to be watched, in a line of its own: lines have an end. */
static void
add_watched(struct text *lines, const char *path, size_t n)
{
	text_printf(lines, "%s%.*s", lines->n == 0 ? "watch-certificates = " :
	    "\n    ", (int)n, path);
}

static bool
holds_key(const char *path)
{
	struct pemfile file;
	struct fault ignored;
	bool has;

	if (!pemfile_read(path, &file, &ignored))
		return true; /* unreadable: it may hold one */
	has = file.nkeys > 0;
	pemfile_free(&file);
	return has;
}

/*
 * A file with a key stays closed to the daemon: a person has to look instead.
 */
static void
say_closed(const struct doctor *d, const char *path, const char *why)
{
	struct finding *f = doctor_add(d, DOCTOR_CERTIFICATE_UNWATCHED,
	    "%s, the daemon's user, may not read %s: %s", doctor_user(d), path,
	    why);

	if (holds_key(path))
		finding_mend(f, "run", "tlspolicy cert --days %d %s", SOON_DAYS,
		    path);
	else
		finding_mend(f, "run", "chmod o+%c %.*s",
		    strncmp(why, path, strlen(path)) == 0 ? 'r' : 'x',
		    (int)strcspn(why, " "), why);
}

void
doctor_watched(const struct doctor *d)
{
	char path[CERTS_PATH_MAX], lines_text[FINDING_LINES_MAX],
	    first[CERTS_PATH_MAX] = "", why_text[FINDING_WHAT_MAX];
	struct slice rest, word;
	struct access daemon;
	struct text lines, why;
	struct finding *f;

	if (d->watched == NULL || !access_find(doctor_user(d), &daemon))
		return;
	text_init(&lines, lines_text, sizeof lines_text);
	rest = slice_of(d->watched);
	while (slice_next_of(&rest, ", ", &word))
		if (word.n > 0)
			add_watched(&lines, word.p, word.n);
	rest = slice_make(d->shown->buf, d->shown->n);
	while (slice_next(&rest, ' ', &word)) {
		snprintf(path, sizeof path, "%.*s", SLICE_ARG(word));
		text_init(&why, why_text, sizeof why_text);
		if (!access_may(&daemon, path, ACCESS_READ, &why)) {
			say_closed(d, path, why.buf);
		} else if (!is_in(d->watched, path)) {
			add_watched(&lines, path, word.n);
			if (first[0] == '\0')
				snprintf(first, sizeof first, "%s", path);
		}
	}
	if (first[0] == '\0')
		return;
	f = doctor_add(d, DOCTOR_CERTIFICATE_UNWATCHED,
	    "%s is not in watch-certificates", first);
	finding_mend(f, d->conf, "%s", lines.buf);
	finding_then(f, "systemctl reload tlspolicy-milter");
}

bool
certs_are_cas(const char *path, struct text *why)
{
	struct fault f;
	X509_STORE *store = inspect_open_bundle(path, &f);

	if (store == NULL)
		text_printf(why, "%s: %s", path, f.text);
	X509_STORE_free(store);
	return store != NULL;
}

/* The folder of the settings file has tlspolicy-ca's, "ca", too. */
static void
our_folder(const struct doctor *d, char path[CERTS_PATH_MAX])
{
	const char *slash = strrchr(d->conf, '/');

	snprintf(path, CERTS_PATH_MAX, "%.*s/ca",
	    slash == NULL ? 1 : (int)(slash - d->conf),
	    slash == NULL ? "." : d->conf);
}

void
certs_ours(const struct doctor *d, const char *host, const char *end,
    char path[CERTS_PATH_MAX])
{
	size_t n;

	our_folder(d, path);
	n = strlen(path);
	if (host == NULL)
		snprintf(path + n, CERTS_PATH_MAX - n, "/ca.pem");
	else
		snprintf(path + n, CERTS_PATH_MAX - n, "/%s-mta.%s", host, end);
}

void
certs_then_make(const struct doctor *d, const char *host, struct finding *f)
{
	char folder[CERTS_PATH_MAX], path[CERTS_PATH_MAX];
	bool other, ca;

	our_folder(d, folder);
	other = strcmp(folder, TLSPOLICY_SYSCONFDIR "/ca") != 0;
	certs_ours(d, NULL, NULL, path);
	ca = access(path, F_OK) == 0;
	certs_ours(d, host, "pem", path);
	finding_then(f, "tlspolicy-ca %s%s%s%s %s", other ? "-d " : "",
	    other ? folder : "", other ? " " : "", !ca ? "init" :
	    access(path, F_OK) == 0 ? "renew mta" : "mta", host);
}
