/* With the eyes of the daemon's user: whoever asks the doctor is mostly root. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/audit/chain-key.h"
#include "policy/audit/source.h"
#include "policy/doctor/access.h"
#include "policy/doctor/doctor.h"

enum { PATH_BYTES = 1024, ROOM_MIN = 1024 * 1024 };

/* Without the setting user it stays who started it: root, mostly. */
const char *
doctor_user(const struct doctor *d)
{
	return d->user[0] != '\0' ? d->user :
	    d->unit->user[0] != '\0' ? d->unit->user : "root";
}

static void
folder_of(const char *path, char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : slash == path ? 1 :
	    (size_t)(slash - path);

	snprintf(folder, PATH_BYTES, "%.*s", (int)n, path);
}

static void
look_at_store(const struct doctor *d, const struct access *daemon)
{
	char memory[FINDING_WHAT_MAX];
	struct text why;

	text_init(&why, memory, sizeof memory);
	if (access(d->store, F_OK) == -1 || /* the command says so itself */
	    access_may(daemon, d->store, ACCESS_READ, &why))
		return;
	finding_mend(doctor_add(d, DOCTOR_STORE_CLOSED_TO_DAEMON,
	    "%s, the daemon's user, may not read the store: %s", doctor_user(d),
	    why.buf), "run", "chown %s %s\nchmod u+r %s", doctor_user(d), d->store,
	    d->store);
}

static void
mend_audit(const struct doctor *d, const char *path, struct finding *f)
{
	if (access(path, F_OK) == -1)
		finding_mend(f, "run", "install -d -o %s -m 750 %s", doctor_user(d),
		    path);
	else
		finding_mend(f, "run", "chown %s %s\nchmod u+rwX %s", doctor_user(d),
		    path, path);
}

/* A file that is there can be written, or one can be made in its folder. */
static void
look_at_audit(const struct doctor *d, const struct access *daemon)
{
	char folder[PATH_BYTES], memory[FINDING_WHAT_MAX];
	struct stat file;
	struct text why;
	bool there = stat(d->audit_file, &file) == 0, good;

	text_init(&why, memory, sizeof memory);
	folder_of(d->audit_file, folder);
	good = there ? access_may(daemon, d->audit_file, ACCESS_WRITE, &why) :
	    access_may(daemon, folder, ACCESS_WRITE | ACCESS_SEARCH, &why);
	if (!good)
		mend_audit(d, there ? d->audit_file : folder, doctor_add(d,
		    DOCTOR_AUDIT_NOT_WRITABLE,
		    "%s, the daemon's user, may not write %s: %s", doctor_user(d),
		    d->audit_file, why.buf));
	if (there && S_ISREG(file.st_mode) && (file.st_mode & S_IROTH) != 0)
		finding_mend(doctor_add(d, DOCTOR_AUDIT_READABLE_BY_ALL, "%s has mode %04o",
		    d->audit_file, (unsigned)file.st_mode & 07777), "run",
		    "chmod o= %s", d->audit_file);
}

/* A file system that is full or read-only: owners and modes do not show it. */
static void
look_at_disk(const struct doctor *d, const char *path)
{
	char folder[PATH_BYTES];
	struct statvfs disk;
	unsigned long long room;

	folder_of(path, folder);
	if (statvfs(folder, &disk) == -1)
		return;
	room = (unsigned long long)disk.f_bavail * disk.f_frsize;
	if ((disk.f_flag & ST_RDONLY) != 0)
		finding_mend(doctor_add(d, DOCTOR_DISK_READ_ONLY,
		    "%s is on a file system that cannot be written", path),
		    "run", "mount -o remount,rw \"$(findmnt -no TARGET -T %s)\"",
		    folder);
	else if (room < ROOM_MIN)
		finding_mend(doctor_add(d, DOCTOR_DISK_FULL, "%s: %llu bytes "
		    "are left where it lies", path, room), "run", "df -h %s",
		    folder);
}

static bool
lie_together(const char *a, const char *b)
{
	char folder[PATH_BYTES];
	struct stat one, other;

	folder_of(a, folder);
	if (stat(folder, &one) == -1)
		return false;
	folder_of(b, folder);
	return stat(folder, &other) == 0 && one.st_dev == other.st_dev;
}

/* A ratchet is replaced in its folder by the daemon. */
static void
look_at_key(const struct doctor *d, const struct access *daemon)
{
	char folder[PATH_BYTES], memory[FINDING_WHAT_MAX];
	struct chain_key key;
	struct fault fault;
	struct text why;
	bool good, turns;

	if (d->audit_key[0] == '\0' || access(d->audit_key, R_OK) == -1)
		return;
	good = chain_read_key(d->audit_key, &key, &fault);
	turns = key.epoch > 0;
	chain_wipe_key(&key);
	if (!good)
		finding_mend(doctor_add(d, DOCTOR_AUDIT_KEY, "%s", fault.text),
		    "run", "ls -l %s", d->audit_key);
	if (!turns)
		return;
	text_init(&why, memory, sizeof memory);
	folder_of(d->audit_key, folder);
	if (!access_may(daemon, folder, ACCESS_WRITE | ACCESS_SEARCH, &why))
		finding_mend(doctor_add(d, DOCTOR_AUDIT_KEY, "%s, the daemon's "
		    "user, may not replace the ratchet %s: %s", doctor_user(d),
		    d->audit_key, why.buf), "run", "chown %s %s",
		    doctor_user(d), folder);
	if (!lie_together(d->audit_key, d->audit_file))
		look_at_disk(d, d->audit_key);
}

void
doctor_files(const struct doctor *d)
{
	struct access daemon;

	if (!access_find(doctor_user(d), &daemon)) {
		finding_mend(doctor_add(d, DOCTOR_DAEMON_DOWN,
		    "there is no user %s for the daemon to run as", doctor_user(d)),
		    "run", "useradd --system --no-create-home "
		    "--shell /usr/sbin/nologin %s", doctor_user(d));
		return;
	}
	look_at_store(d, &daemon);
	if (d->audit_file[0] == '\0' || source_is_stream(d->audit_file)) {
		look_at_disk(d, d->store);
		return;
	}
	look_at_audit(d, &daemon);
	look_at_disk(d, d->audit_file);
	look_at_key(d, &daemon);
	if (!lie_together(d->audit_file, d->store))
		look_at_disk(d, d->store);
}
