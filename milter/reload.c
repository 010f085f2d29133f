/*
 * The audit file is opened anew whatever becomes of the settings: logrotate
 * has moved it and will compress the old one.
 */
#include <errno.h>
#include <unistd.h>

#include "milter/log.h"
#include "milter/reload.h"

static void
report(void *none, const struct fault *fault)
{
	(void)none;
	log_fault(LOG_LEVEL_ERROR, fault);
}

/* Without -c, a machine that has no settings file runs on the defaults. */
static bool
may_be_missing(const struct options *o)
{
	return !o->conf_expected && access(o->conf, F_OK) == -1 &&
	    errno == ENOENT;
}

bool
reload_read(struct options *o, struct settings *settings, struct fault *fault)
{
	settings_init(settings);
	if (may_be_missing(o)) {
		log_info("%s is not there: all settings are the defaults",
		    o->conf);
		return true;
	}
	if (!settings_read(settings, o->conf, report, NULL, fault))
		return false;
	o->conf_expected = true;
	return true;
}

/*
 * Reads settings, but not a file that looks half written: an editor may be at
 * work, and missing settings would get their defaults.
 */
static bool
read_whole(struct options *o, struct settings *settings, struct fault *fault)
{
	if (!reload_read(o, settings, fault))
		return false;
	if (!settings->unended)
		return true;
	fault_set(fault, FAULT_SETTINGS, "%s: it is empty, or its last line "
	    "has no end, and may be half written", o->conf);
	return false;
}

static void
refused(void *none, const char *name)
{
	(void)none;
	log_warnx("setting %s: cannot change while the daemon runs; restart it",
	    name);
}

static bool
follow(struct daemon *d, struct settings *settings,
    const struct settings *fresh)
{
	struct settings next = *settings;

	settings_adopt(&next, fresh, refused, NULL);
	if (!settings_holder_replace(&d->settings, &next)) {
		log_warnx("out of memory: the old settings stay in force");
		return false;
	}
	*settings = next;
	log_set_level(settings->log_level);
	log_info("settings were read again");
	return true;
}

void
reload_settings(struct daemon *d, struct options *o, struct settings *settings)
{
	struct settings fresh;
	struct fault fault;
	bool good = false;

	fault_clear(&fault);
	if (read_whole(o, &fresh, &fault)) {
		good = follow(d, settings, &fresh);
	} else {
		log_fault(LOG_LEVEL_ERROR, &fault);
		log_warnx("the old settings stay in force");
	}
	if (!auditlog_reopen(d->audit, settings, &fault)) {
		log_fault(LOG_LEVEL_ERROR, &fault);
		log_warnx("the old audit file stays in use");
		good = false;
	}
	metrics_reload(&d->metrics, good);
}
