/*
 * The old store is closed when no reader is inside, and readers that come
 * meanwhile wait.  What takes long, looking at every page of the new one, is
 * done before: the old one judges meanwhile.  Nothing here waits for another
 * process: who may open the lock file could keep it for ever.
 *
 * The lock prefers its writer: with readers preferred, a busy daemon would
 * never get to replace anything.
 */
#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "milter/log.h"
#include "milter/store-holder.h"
#include "policy/policy.h"

/* The stores that are open.  A signal's handler is handed nothing. */
static struct store *_Atomic guarded[STORE_HOLDER_SLOTS];

static void
lost_page(int number, siginfo_t *info, void *context)
{
	(void)context;
	for (int i = 0; i < STORE_HOLDER_SLOTS; i++) {
		struct store *store = guarded[i];

		if (store != NULL && store_lose_page(store, info->si_addr))
			return;
	}
	/*
	 * The address is in no store: the return faults again, and ends the
	 * process.
	 */
	signal(number, SIG_DFL);
}

static void
guard(void)
{
	struct sigaction action = { .sa_sigaction = lost_page,
		.sa_flags = SA_SIGINFO | SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}

void
store_holder_init(struct store_holder *h, enum store_holder_slot slot)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
	    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&h->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	h->store = NULL;
	h->was_told = false;
	h->walk_at = 0;
	h->opened = 0;
	h->slot = slot;
	atomic_init(&h->planned, false);
	guard();
	fault_set(&h->why, FAULT_UNAVAILABLE, "the store is not open yet");
}

/* store_begin() reads the first pages: an unreadable store shows here. */
static void
log_opened(struct store *store)
{
	struct store_reader reader;
	struct fault fault;

	if (!store_begin(store, &reader, &fault)) {
		log_fault(LOG_LEVEL_WARNING, &fault);
		return;
	}
	log_info("store %s: generation %llu, %llu rules", store_path(store),
	    (unsigned long long)reader.info.generation,
	    (unsigned long long)reader.info.rules);
	store_end(&reader);
}

static void
log_failed(struct store_holder *h, const struct fault *why)
{
	if (h->was_told && strcmp(h->why.text, why->text) == 0)
		return;
	log_fault(LOG_LEVEL_ERROR, why);
	h->was_told = true;
}

/*
 * Opens a store in place of the one that is open, which nobody reads when this
 * returns.
 */
static struct store *
swap(struct store_holder *h, const char *path, struct fault *why)
{
	struct store *fresh = NULL;
	struct store_seen seen;
	bool sound;

	log_debug("store %s: looking at the file that is there now", path);
	sound = store_look(path, &seen, why);
	pthread_rwlock_wrlock(&h->lock);
	guarded[h->slot] = NULL;
	store_close(h->store);
	if (sound)
		fresh = store_open_unlocked(path, &seen, why);
	return fresh;
}

static void
reopen(struct store_holder *h, const char *path)
{
	struct store *fresh;
	struct fault why;

	fault_clear(&why);
	if (h->store == NULL) {
		/* Needs no lock: while no store is open nobody reads one. */
		fresh = store_open_unlocked(path, NULL, &why);
		pthread_rwlock_wrlock(&h->lock);
	} else
		fresh = swap(h, path, &why);
	guarded[h->slot] = h->store = fresh;
	if (fresh == NULL) {
		log_failed(h, &why);
		h->why = why;
	} else {
		h->was_told = false;
		h->opened++;
	}
	pthread_rwlock_unlock(&h->lock);
	if (fresh != NULL)
		log_opened(fresh);
}

/*
 * A reader finds only the damage that it comes upon, so all is looked at, for
 * one part in a hundred of the time.
 */
static bool
is_sound(struct store_holder *h)
{
	enum { REST = 100, LEAST = 10 };
	int64_t began = clock_ms() / 1000;
	struct fault fault;

	if (store_is_suspect(h->store))
		return false;
	if (began < h->walk_at)
		return true;
	if (!store_verify(h->store, &fault))
		return false;
	h->walk_at = began + LEAST + (clock_ms() / 1000 - began) * REST;
	return true;
}

/* Same inode, but cp(1) over it may have left something else. */
static bool
can_be_read(struct store *store)
{
	struct store_reader reader;
	struct fault fault;

	if (!store_begin(store, &reader, &fault))
		return false;
	store_end(&reader);
	return true;
}

bool
store_holder_watch(struct store_holder *h, const char *path)
{
	/* Nobody else writes h->store: reading it here needs no lock. */
	if (h->store == NULL || strcmp(store_path(h->store), path) != 0 ||
	    !store_is_current(h->store) || !can_be_read(h->store) ||
	    !is_sound(h))
		reopen(h, path);
	return h->store != NULL;
}

void
store_holder_close(struct store_holder *h)
{
	atomic_store(&h->planned, false);
	pthread_rwlock_wrlock(&h->lock);
	guarded[h->slot] = NULL;
	if (h->store != NULL)
		store_close(h->store);
	h->store = NULL;
	h->was_told = false;
	fault_set(&h->why, FAULT_UNAVAILABLE, "the store was closed");
	pthread_rwlock_unlock(&h->lock);
}

/*
 * Is there a plan?  Where that cannot be seen the last answer stays: the
 * store's own fault has been told.
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
store_holder_watch_plan(struct store_holder *h, const char *store)
{
	char path[PLAN_PATH_MAX];
	bool was = store_holder_has_plan(h);

	if (!plan_path(store, path) || !is_there(path, was)) {
		if (was) {
			store_holder_close(h);
			log_info("plan %s: it is over", path);
		}
		return;
	}
	if (!was)
		log_info("plan %s: judged beside the policy in force", path);
	store_holder_watch(h, path);
	atomic_store(&h->planned, true);
}

bool
store_holder_begin(struct store_holder *h, unsigned *tries,
    struct store_reader *reader, struct fault *why)
{
	enum { TRIES = 100 };

	if ((*tries)++ == TRIES)
		return fault_set(why, FAULT_UNAVAILABLE,
		    "the store is written too often to be read");
	pthread_rwlock_rdlock(&h->lock);
	if (h->store == NULL)
		*why = h->why;
	else if (store_begin(h->store, reader, why))
		return true;
	pthread_rwlock_unlock(&h->lock);
	return false;
}

bool
store_holder_end(struct store_holder *h, struct store_reader *reader)
{
	bool overtaken = store_is_overtaken(reader);

	store_end(reader);
	pthread_rwlock_unlock(&h->lock);
	return !overtaken;
}
