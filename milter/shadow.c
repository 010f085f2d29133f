/*
 * Without a plan a callback pays for one look at a bool.
 */
#include <sys/stat.h>

#include <errno.h>

#include "milter/log.h"
#include "milter/shadow.h"

void
shadow_init(struct shadow *s)
{
	store_holder_init(&s->holder);
	s->holder.slot = STORE_HOLDER_PLAN;
	atomic_init(&s->on, false);
}

void
shadow_close(struct shadow *s)
{
	atomic_store(&s->on, false);
	store_holder_close(&s->holder);
}

/*
 * Where nothing can be looked at a plan that was there still is, and none has
 * begun: the store's own fault has been told.
 */
static bool
is_there(const char *path, bool was)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return true;
	return was && errno != ENOENT && errno != ENOTDIR;
}

void
shadow_watch(struct shadow *s, const char *store)
{
	char path[PLAN_PATH_MAX];
	bool was = shadow_is_on(s);

	if (!plan_path(store, path) || !is_there(path, was)) {
		if (was) {
			shadow_close(s);
			log_info("plan %s: it is over", path);
		}
		return;
	}
	if (!was)
		log_info("plan %s: judged beside the policy in force", path);
	store_holder_watch(&s->holder, path);
	atomic_store(&s->on, true);
}
