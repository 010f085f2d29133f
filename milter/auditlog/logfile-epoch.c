/* The key file decides: a key that it has no more seals nothing. */
#include "milter/auditlog/logfile-epoch.h"

static bool
make_chain(struct logfile *f, struct fault *fault)
{
	struct chain *chain = ratchet_chain(f->ratchet, fault);

	if (chain == NULL)
		return false;
	chain_free(f->chain);
	f->chain = chain;
	return true;
}

/* The tail of the file, or of the file that it links to when it is empty. */
static bool
read_tail(struct logfile *f, const char *path, struct tail *tail,
    struct fault *fault)
{
	if (!tail_read(f->fd, f->chain, tail, fault))
		return false;
	if (!tail->found)
		tail->found = tail_of_rotated(path, f->chain, tail);
	return true;
}

bool
logfile_catch_up(struct logfile *f, const char *path, bool *behind,
    struct fault *fault)
{
	uint64_t epoch = ratchet_epoch(f->ratchet);
	struct tail tail;

	*behind = false;
	if (!make_chain(f, fault))
		return false;
	if (f->stream)
		return true;
	if (!read_tail(f, path, &tail, fault))
		return false;
	if (!tail.found || !tail_has_key_of(&tail, f->chain))
		return true;
	*behind = tail.epoch < epoch;
	return tail.epoch <= epoch || (ratchet_prepare(f->ratchet, tail.epoch,
	    fault) && ratchet_turn(f->ratchet, fault) && make_chain(f, fault));
}

/* A try that had no memory for a chain may have put the key there already. */
bool
logfile_begin_epoch(struct logfile *f, struct fault *fault)
{
	if ((chain_epoch(f->chain) == ratchet_epoch(f->ratchet) &&
	    !ratchet_turn(f->ratchet, fault)) || !make_chain(f, fault))
		return false;
	f->ended = false;
	return true;
}
