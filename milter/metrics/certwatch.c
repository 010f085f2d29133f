/* Files are read without the lock: a page does not wait for a disk. */
#include <string.h>
#include <time.h>

#include "milter/log.h"
#include "milter/metrics/certwatch.h"

enum { DAY_S = 86400, LOOK_MS = 3600 * 1000, NEVER = -1 };

void
certwatch_init(struct certwatch *w)
{
	pthread_mutex_init(&w->lock, NULL);
	w->n = 0;
	w->due_ms = 0;
}

void
certwatch_again(struct certwatch *w)
{
	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->n; i++)
		w->files[i].told = NEVER;
	pthread_mutex_unlock(&w->lock);
	w->due_ms = 0;
}

static void
warn(struct certwatch_file *file, const struct fault *why, int64_t now_s)
{
	int32_t today = (int32_t)(now_s / DAY_S);
	char line[FAULT_WHERE_MAX + FAULT_TEXT_MAX + 48], date[32] = "";
	time_t end = (time_t)file->end;
	struct tm utc;

	if (file->told == today || (file->known &&
	    file->end - now_s >= (int64_t)CERTWATCH_SOON_DAYS * DAY_S))
		return;
	file->told = today;
	if (!file->known) {
		log_warnx("setting watch-certificates: %s",
		    fault_print(why, line, sizeof line));
		return;
	}
	if (gmtime_r(&end, &utc) != NULL)
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
	log_warnx("%s: a certificate %s at %s", file->path,
	    file->end <= now_s ? "has ended" : "ends", date);
}

static int32_t
last_told(const struct certwatch *w, const char *path)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, path) == 0)
			return w->files[i].told;
	return NEVER;
}

void
certwatch_watch(struct certwatch *w, const char *paths, int64_t now_ms,
    int64_t now_us)
{
	struct certwatch_file files[SETTINGS_PATHS_MAX];
	struct slice rest = slice_of(paths), path;
	struct fault why;
	struct text name;
	unsigned n = 0;

	if (now_ms < w->due_ms)
		return;
	w->due_ms = now_ms + LOOK_MS;
	while (n < SETTINGS_PATHS_MAX && slice_next_of(&rest, ", ", &path)) {
		struct certwatch_file *file = &files[n];

		if (path.n == 0)
			continue;
		n++;
		text_init(&name, file->path, sizeof file->path);
		text_put(&name, path);
		file->told = last_told(w, file->path);
		file->end = 0;
		fault_clear(&why);
		file->known = expiry_of_file(file->path, &file->end, &why);
		warn(file, &why, now_us / 1000000);
	}
	pthread_mutex_lock(&w->lock);
	memcpy(w->files, files, n * sizeof *files);
	w->n = n;
	pthread_mutex_unlock(&w->lock);
}

unsigned
certwatch_read(struct certwatch *w,
    struct certwatch_file files[SETTINGS_PATHS_MAX])
{
	unsigned n;

	pthread_mutex_lock(&w->lock);
	n = w->n;
	memcpy(files, w->files, n * sizeof *files);
	pthread_mutex_unlock(&w->lock);
	return n;
}
