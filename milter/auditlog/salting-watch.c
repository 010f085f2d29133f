/*
 * The settings followed, what failed tried again, and old days erased.
 *
 * Erased is by the clock alone.  One that has gone ahead by mistake erases too
 * early, which nothing brings back; one that has gone back erases nothing.
 */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/auditlog/salting-internal.h"
#include "milter/log.h"

enum { AGAIN_MS = 1000 };
static const uint64_t RESERVE = 64 * 1024 * 1024;

void
salting_init(struct salting *s)
{
	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	s->dir = s->fd = -1;
}

static void
leave(struct salting *s)
{
	salting_forget(s);
	if (s->dir != -1)
		close(s->dir);
	s->dir = -1;
}

void
salting_close(struct salting *s)
{
	pthread_mutex_lock(&s->lock);
	leave(s);
	person_hash_free(s->hash);
	s->hash = NULL;
	free(s->pending);
	free(s->unsynced);
	s->pending = s->unsynced = NULL;
	s->room = s->unsynced_room = s->nunsynced = 0;
	atomic_store(&s->days, 0);
	pthread_mutex_unlock(&s->lock);
}

static int32_t
day_of(int64_t now_us)
{
	return (int32_t)(now_us / INT64_C(86400000000));
}

/* The lock is held. */
static bool
try_again(struct salting *s, int64_t now_us)
{
	bool good;

	leave(s);
	good = salting_open_day(s, day_of(now_us), &s->why) &&
	    salting_write_again(s, &s->why);
	atomic_store(&s->failing, !good);
	return good;
}

/* The lock is held. */
static bool
first_day(struct salting *s, int64_t now_us)
{
	bool good;

	leave(s);
	good = salting_open_day(s, day_of(now_us), &s->why);
	atomic_store(&s->failing, !good);
	return good;
}

bool
salting_follow(struct salting *s, const struct settings *settings,
    int64_t now_us, struct fault *fault)
{
	bool good = true;

	pthread_mutex_lock(&s->lock);
	settings_state_folder(settings, s->folder);
	/* Without audit-sync nothing is left that needs a sync. */
	if (settings->privacy == 0)
		leave(s);
	atomic_store(&s->days, settings->privacy);
	s->erased_on = 0;
	if (settings->privacy == 0) {
		atomic_store(&s->failing, false);
		atomic_store(&s->scarce, false);
	} else if (s->fd == -1 && !first_day(s, now_us)) {
		*fault = s->why;
		fault_at_setting(fault, "privacy");
		good = false;
	}
	pthread_mutex_unlock(&s->lock);
	return good;
}

static bool
erase_old(struct salting *s, int32_t today, struct fault *fault)
{
	int dir = salts_erase_open(s->folder, false, fault), kept = s->days;
	char **days = NULL;
	bool good = dir != -1 || fault->kind == FAULT_NOINPUT;
	size_t n = 0;
	int32_t day;

	if (dir != -1)
		good = (days = salts_erase_days(dir, &n, fault)) != NULL;
	for (size_t i = 0; i < n; i++) {
		if (!salts_day(days[i], &day) || today - day <= kept)
			continue;
		if (!salts_erase_day(dir, days[i], fault))
			good = false;
		else
			log_info("audit log: the people of %s are erased",
			    days[i]);
	}
	if (days != NULL)
		salts_erase_days_free(days, n);
	if (dir != -1)
		close(dir);
	return good;
}

static void
say(int level, const struct fault *why, const char *then)
{
	struct fault fault;

	fault_set(&fault, FAULT_IO, "privacy: %s%s", why->text, then);
	log_fault(level, &fault);
}

static void
watch_old(struct salting *s, int64_t now_us, bool again)
{
	struct fault fault;
	bool good;

	if (s->erased_on == day_of(now_us) && (!s->overdue || !again))
		return;
	good = erase_old(s, day_of(now_us), &fault);
	s->erased_on = day_of(now_us);
	atomic_store(&s->overdue, !good);
	if (!good && !s->told_overdue)
		say(LOG_LEVEL_ERROR, &fault, "; people of days that should be "
		    "erased can be told still");
	if (good && s->told_overdue)
		log_info("privacy: what should be erased is");
	s->told_overdue = !good;
}

static void
watch_room(struct salting *s)
{
	struct statvfs room;
	bool scarce;

	pthread_mutex_lock(&s->lock);
	scarce = s->fd != -1 && fstatvfs(s->fd, &room) == 0 &&
	    (uint64_t)room.f_bavail * room.f_frsize < (RESERVE <
	    (uint64_t)room.f_blocks * room.f_frsize / 8 ? RESERVE :
	    (uint64_t)room.f_blocks * room.f_frsize / 8);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->scarce, scarce);
	if (scarce != s->told_scarce)
		log_warnx(scarce ? "privacy: the disk of the salts is nearly "
		    "full; what is left is kept for mail that is accepted, "
		    "refusals are not recorded" : "privacy: the disk of the "
		    "salts has room again");
	s->told_scarce = scarce;
}

static void
watch_failing(struct salting *s, int64_t now_us)
{
	struct fault why;
	bool failed, failing;

	pthread_mutex_lock(&s->lock);
	failed = atomic_load(&s->failing);
	why = s->why;
	failing = failed && !try_again(s, now_us);
	pthread_mutex_unlock(&s->lock);
	if (failed && !s->told_failing)
		say(LOG_LEVEL_ERROR, &why, "; no mail is accepted until people "
		    "can be hidden in its record");
	if (!failing && (failed || s->told_failing))
		log_info("privacy: people are hidden again");
	s->told_failing = failing;
}

/*
 * The day's file is not where readers look for it.  Of a day that is over it may
 * be erased.  The lock is held.
 */
static bool
is_astray(const struct salting *s, int32_t today)
{
	char path[SETTINGS_STRING_MAX + sizeof "/" SALTS_FOLDER + 32];
	struct stat ours, there;
	struct text text;

	if (s->fd == -1 || s->day != today || fstat(s->fd, &ours) == -1)
		return false;
	text_init(&text, path, sizeof path);
	text_puts(&text, s->folder);
	text_puts(&text, "/" SALTS_FOLDER "/");
	day_print(s->day, &text);
	if (lstat(path, &there) == -1)
		return errno == ENOENT || errno == ENOTDIR;
	return there.st_dev != ours.st_dev || there.st_ino != ours.st_ino;
}

static void
watch_astray(struct salting *s, int64_t now_us)
{
	bool astray;

	pthread_mutex_lock(&s->lock);
	astray = is_astray(s, day_of(now_us));
	if (astray)
		(void)try_again(s, now_us);
	pthread_mutex_unlock(&s->lock);
	if (astray)
		log_warnx("privacy: the salts of today were removed, renamed "
		    "or replaced; who is hidden in records so far cannot be "
		    "told without them");
}

void
salting_watch(struct salting *s, int64_t now_us, int64_t now_ms)
{
	bool again = now_ms - s->tried_ms >= AGAIN_MS;

	if (!salting_is_on(s))
		return;
	if (again) {
		s->tried_ms = now_ms;
		watch_astray(s, now_us);
		watch_failing(s, now_us);
		watch_room(s);
	}
	watch_old(s, now_us, again);
}

void
salting_read(struct salting *s, struct salting_stats *stats)
{
	pthread_mutex_lock(&s->lock);
	*stats = (struct salting_stats){ .on = salting_is_on(s),
		.failing = atomic_load(&s->failing),
		.overdue = atomic_load(&s->overdue), .values = s->n };
	pthread_mutex_unlock(&s->lock);
}
