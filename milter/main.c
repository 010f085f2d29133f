/*
 * The start, step by step; each stands where it stands for a reason.
 *
 * The process does not fork: the service manager watches it, and the store
 * must be opened after any fork.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/accept.h"
#include "milter/activation.h"
#include "milter/config-test.h"
#include "milter/engine/own.h"
#include "milter/evmemory.h"
#include "milter/feed/feed.h"
#include "milter/listen.h"
#include "milter/log.h"
#include "milter/metrics/server.h"
#include "milter/options.h"
#include "milter/privilege.h"
#include "milter/reload.h"
#include "milter/results/results.h"
#include "milter/session/callbacks.h"
#include "milter/signals.h"
#include "milter/socketmap/socketmap.h"
#include "policy/policy.h"

enum { WATCH_MS = 1000, STOP_MS = 3000 };

/* The daemon's own, what accept.h keeps back, and room for some sessions. */
enum { FILES_MIN = 64 };

/* What the steps hand on to each other. */
struct start {
	struct options options;
	struct settings settings;
	struct privilege privilege;
	struct listen listen;
	bool own; /* MTAs are spoken to by our engine */
	int fd;	  /* of its socket */
	bool metrics_on;
	struct endpoint metrics;
	struct metrics_server *metrics_server;
	bool map_on;
	struct listen map_listen;
	int map_fd;
	struct socketmap *map; /* NULL: not served */
	bool facts_on;
	struct listen facts_listen;
	int facts_fd;
	bool tlsrpt_on;
	struct listen tlsrpt_listen;
	int tlsrpt_fd;
	struct results *results; /* NULL: not told of any */
};

/* One for the process, and never freed: callbacks may run to the very end. */
static struct daemon daemon_state;

static int
failed(const struct fault *fault)
{
	log_fault(LOG_LEVEL_ERROR, fault);
	return fault->kind == FAULT_NONE ? (int)FAULT_SOFTWARE :
	    (int)fault->kind;
}

/* Room for thousands of connections: an MTA process is one. */
static bool
raise_file_limit(struct fault *f)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot ask for the limit of open files");
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < FILES_MIN)
		return fault_set(f, FAULT_UNAVAILABLE, "at most %lu files may "
		    "be open (ulimit -n); expected %d or more",
		    (unsigned long)limit.rlim_max, FILES_MIN);
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("cannot raise the limit of open files");
	return true;
}

static bool
check_metrics(struct start *s, struct fault *f)
{
	s->metrics_on = !slice_is(slice_of(s->settings.metrics), "off");
	return !s->metrics_on || endpoint_parse(s->settings.metrics, "metrics",
	    &s->metrics, f);
}

static bool
check_map(struct start *s, struct fault *f)
{
	s->map_on = !slice_is_nocase(slice_of(s->settings.socketmap), "off");
	return !s->map_on || listen_parse_map(&s->settings, s->privilege.uid,
	    s->privilege.gid, &s->map_listen, f);
}

static bool
check_facts(struct start *s, struct fault *f)
{
	s->facts_on = s->facts_listen.inherited ||
	    !slice_is_nocase(slice_of(s->settings.facts_socket), "off");
	s->facts_fd = s->facts_listen.fd;
	return !s->facts_on || s->facts_listen.inherited || listen_parse_facts(&s->settings,
	    s->privilege.uid, s->privilege.gid, &s->facts_listen, f);
}

static bool
check_tlsrpt(struct start *s, struct fault *f)
{
	s->tlsrpt_on = s->tlsrpt_listen.inherited ||
	    !slice_is_nocase(slice_of(s->settings.tlsrpt_socket), "off");
	s->tlsrpt_fd = s->tlsrpt_listen.fd;
	return !s->tlsrpt_on || s->tlsrpt_listen.inherited ||
	    listen_parse_tlsrpt(&s->settings, s->privilege.uid,
	    s->privilege.gid, &s->tlsrpt_listen, f);
}

static bool
check(struct start *s, struct fault *f)
{
	/* First, before a descriptor of ours can be taken for the socket. */
	if (!activation_find(&s->listen, &s->facts_listen,
	    &s->tlsrpt_listen, f))
		return false;
	return reload_read(&s->options, &s->settings, f) &&
	    privilege_find(&s->settings, &s->privilege, f) &&
	    (s->listen.inherited || listen_parse(&s->settings,
	    s->privilege.uid, s->privilege.gid, &s->listen, f)) &&
	    check_metrics(s, f) && check_map(s, f) && check_facts(s, f) &&
	    check_tlsrpt(s, f);
}

/* The socket is our engine's own, and never waited for. */
static bool
open_own(struct start *s, struct fault *f)
{
	s->own = true;
	s->fd = s->listen.fd;
	return s->listen.inherited ? activation_unblock(&s->listen, f) :
	    listen_open_fd(&s->listen, &s->fd, f);
}

static bool
open_milter(struct start *s, struct fault *f)
{
	if (s->settings.engine == ENGINE_OWN)
		return open_own(s, f);
	return s->listen.inherited ? activation_open(&s->listen, f) :
	    listen_open(&s->listen, f);
}

static bool
open_facts(struct start *s, struct fault *f)
{
	return !s->facts_on || s->facts_listen.inherited ||
	    listen_open_fd(&s->facts_listen, &s->facts_fd, f);
}

static bool
open_tlsrpt(struct start *s, struct fault *f)
{
	return !s->tlsrpt_on || s->tlsrpt_listen.inherited ||
	    listen_open_fd(&s->tlsrpt_listen, &s->tlsrpt_fd, f);
}

static bool
listen_metrics(struct start *s, struct daemon *d, struct fault *f)
{
	if (!s->metrics_on)
		return true;
	s->metrics_server = metrics_server_listen(d, &s->metrics, f);
	return s->metrics_server != NULL;
}

/* Rules that end are looked for only where metrics tell of them. */
static void
watch_store(struct start *s, struct daemon *d)
{
	store_holder_watch(&d->store, s->settings.store);
	store_holder_watch_plan(&d->plan, s->settings.store);
	if (s->metrics_on)
		ends_watch(&d->ends, &d->store, clock_date_us());
}

static void
watch_certificates(struct start *s, struct daemon *d)
{
	certwatch_watch(&d->certificates, s->settings.watch_certificates,
	    clock_ms(), clock_date_us());
}

/*
 * Sockets whose name was removed or replaced get no connections any more: the
 * log and /healthz tell.
 */
static void
watch_sockets(struct start *s, struct daemon *d)
{
	const struct listen *all[] = { &s->listen, &s->map_listen,
		&s->facts_listen, &s->tlsrpt_listen };
	const char *before = atomic_load(&d->lost_socket), *lost = NULL;

	for (size_t i = 0; i < sizeof all / sizeof all[0] && lost == NULL; i++)
		if (!listen_is_there(all[i]))
			lost = all[i]->spec;
	if (lost == before)
		return;
	atomic_store(&d->lost_socket, lost);
	if (lost != NULL)
		log_warnx("%s was removed or replaced: no MTA comes there any "
		    "more until the daemon is restarted", lost);
	else
		log_info("%s is there again", before);
}

static void
init_stores(struct daemon *d)
{
	store_holder_init(&d->store, STORE_HOLDER_LIVE);
	store_holder_init(&d->plan, STORE_HOLDER_PLAN);
}

/* What Postfix tells beside the milter's protocol. */
static bool
start_ears(struct start *s, struct daemon *d, struct fault *f)
{
	if (s->facts_on && (d->feed = feed_start(d, s->facts_fd, f)) == NULL)
		return false;
	if (s->tlsrpt_on)
		s->results = results_start(d, s->tlsrpt_fd,
		    s->settings.tlsrpt_forward, f);
	return !s->tlsrpt_on || s->results != NULL;
}

static bool
start(struct start *s, struct daemon *d, struct fault *f)
{
	/* 1. Handlers, before a signal of an impatient manager ends us. */
	if (!signals_init(f))
		return false;

	/* 2. Needs root where the hard limit is to be raised, too. */
	if (!raise_file_limit(f))
		return false;

	/* 3. State that callbacks use, before there can be any. */
	evmemory_init();
	drain_init(&d->drain);
	metrics_init(&d->metrics);
	ends_init(&d->ends);
	certwatch_init(&d->certificates);
	accept_init(&d->metrics);
	init_stores(d);
	announce_init(&d->announce);
	atomic_init(&d->nsessions, 0);
	pool_init(&d->messages);
	d->started_us = (uint64_t)clock_date_us();
	if (!settings_holder_init(&d->settings, &s->settings))
		return fault_no_memory(f);

	/* 4. libmilter opens no socket before it knows its callbacks. */
	engine_use(s->settings.engine);
	if (!callbacks_register(d, s->listen.tcp, f))
		return false;

	/* 5. The sockets, while we may write to a folder or use a low port. */
	if (!open_milter(s, f) || !listen_metrics(s, d, f) ||
	    (s->map_on && !listen_open_fd(&s->map_listen, &s->map_fd, f)) ||
	    !open_facts(s, f) || !open_tlsrpt(s, f))
		return false;

	/* 6. From here on nothing needs privileges. */
	if (!privilege_drop(&s->privilege, f))
		return false;
	umask(027);

	/* 7. As the user: files get the right owner, faults show at once. */
	d->audit = auditlog_open(&s->settings, f);
	if (d->audit == NULL)
		return false;

	/* 8. A daemon without a store answers by on-error, and keeps looking. */
	watch_store(s, d);
	watch_certificates(s, d);

	/* 9. All is there that a callback, a question or a page needs. */
	if (s->map_on && (s->map = socketmap_start(d, s->map_fd,
	    s->settings.outbound_resolver, f)) == NULL)
		return false;
	if (!start_ears(s, d, f))
		return false;
	if (s->metrics_on && !metrics_server_start(s->metrics_server, f))
		return false;
	return s->own ? own_start(s->fd, s->listen.tcp, f) :
	    signals_start_milter(f);
}

/* Serves until TERM or a failure; returns the exit status. */
static int
serve(struct start *s, struct daemon *d)
{
	for (;;) {
		switch (signals_wait(WATCH_MS)) {
		case SIGNALS_STOP:
			return EXIT_SUCCESS;
		case SIGNALS_ENDED:
			log_warnx("libmilter has ended");
			return FAULT_UNAVAILABLE;
		case SIGNALS_RELOAD:
			notify_reloading(clock_ns() / 1000);
			reload_settings(d, &s->options, &s->settings);
			/*
			 * Certificates are read again even if the settings are
			 * bad: files may be new.
			 */
			certwatch_again(&d->certificates);
			notify_ready();
			break;
		case SIGNALS_NONE:
			break;
		}
		watch_store(s, d);
		watch_certificates(s, d);
		watch_sockets(s, d);
		auditlog_watch(d->audit);
	}
}

/*
 * LeakSanitizer's own, which else looks at exit(3); not there without it.  It
 * looks while the drain is open: once that is closed libmilter drops the
 * sessions that are left, and nobody frees them.
 */
void __lsan_do_leak_check(void) __attribute__((weak));

/* gcov's own: what its exit handler would write (scripts/coverage). */
void __gcov_dump(void) __attribute__((weak));

/*
 * The socket goes first, so that MTAs see at once that there is nobody; at the
 * service manager's they wait for who comes next.
 * smfi_stop() is not called: it would wait up to 5 s for libmilter's listening
 * thread.  Behind the closed drain libmilter's threads touch nothing of ours
 * until they end with the process.  They are still there, so the process ends
 * without exit handlers: libmilter's would destroy mutexes in use.
 */
static _Noreturn void
stop(struct start *s, struct daemon *d, int status)
{
	notify_stopping();
	if (s->own)
		own_leave();
	else
		activation_leave(&s->listen);
	listen_remove(&s->listen);
	listen_remove(&s->map_listen);
	listen_remove(&s->facts_listen);
	listen_remove(&s->tlsrpt_listen);
	socketmap_stop(s->map);
	feed_stop(d->feed);
	results_stop(s->results);
	if (__lsan_do_leak_check != NULL)
		__lsan_do_leak_check();
	if (!drain_close(&d->drain, STOP_MS))
		log_warnx("a callback is still running");
	else {
		store_holder_close(&d->store);
		store_holder_close(&d->plan);
	}
	auditlog_close(d->audit);
	if (s->own)
		own_stop();
	log_info("stopped");
	if (__gcov_dump != NULL)
		__gcov_dump();
	_exit(status);
}

int
main(int argc, char **argv)
{
	static struct start s;
	struct fault fault;
	int status;

	if (!stdfile_keep())
		return FAULT_IO;
	fault_clear(&fault);
	if (!options_parse(argc, argv, &s.options, &status))
		return status;
	log_init("tlspolicy-milter", s.options.to_syslog);
	if (!check(&s, &fault))
		return failed(&fault);
	log_set_level(s.settings.log_level);
	if (s.options.test)
		return config_test(&s.options, &s.settings, &s.privilege,
		    &s.listen, s.map_on ? &s.map_listen : NULL,
		    s.facts_on ? &s.facts_listen : NULL,
		    s.tlsrpt_on ? &s.tlsrpt_listen : NULL);
	if (!start(&s, &daemon_state, &fault)) {
		status = failed(&fault);
		listen_remove(&s.listen);
		listen_remove(&s.map_listen);
		listen_remove(&s.facts_listen);
		listen_remove(&s.tlsrpt_listen);
		return status;
	}
	log_info("listening on %s%s", s.listen.spec, s.listen.inherited ?
	    ", the service manager's; the setting socket is not used" : "");
	if (s.map_on)
		log_info("serving the socketmap on %s", s.map_listen.spec);
	if (s.facts_on)
		log_info("told of sessions on %s", s.facts_listen.spec);
	if (s.tlsrpt_on)
		log_info("told of TLS with servers on %s",
		    s.tlsrpt_listen.spec);
	notify_ready();
	stop(&s, &daemon_state, serve(&s, &daemon_state));
}
