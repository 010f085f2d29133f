#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/commands/author.h"
#include "policy/conf/settings-print.h"
#include "policy/store/buildnote.h"

enum { SECONDS_A_DAY = 86400 };

/*
 * The login session's uid by /proc: pam_loginuid(8) sets it, and su(1) keeps
 * it. False: none is set.
 */
static bool
login_uid(uid_t *uid)
{
	FILE *file = fopen("/proc/self/loginuid", "re");
	unsigned long value = (uid_t)-1;
	bool good;

	if (file == NULL)
		return false;
	good = fscanf(file, "%lu", &value) == 1 && value != (uid_t)-1;
	fclose(file);
	*uid = (uid_t)value;
	return good;
}

static void
find_login(uid_t uid, char *login, size_t size)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *entry = NULL;
	uid_t told;

	if (login_uid(&told))
		entry = getpwuid(told);
	else if (uid == 0 && sudo != NULL)
		entry = getpwnam(sudo);
	if (entry == NULL)
		entry = getpwuid(uid);
	snprintf(login, size, "%s", entry == NULL ? "" : entry->pw_name);
}

static bool
check_message(struct slice message, struct fault *f)
{
	uint32_t code;

	if (slice_trim(message).n == 0)
		return fault_set(f, FAULT_USAGE, "-m: a message was expected, "
		    "found none");
	if (message.n > HISTORY_MESSAGE_MAX)
		return fault_set(f, FAULT_USAGE, "-m: a message of %zu bytes; "
		    "expected at most %d", message.n, HISTORY_MESSAGE_MAX);
	for (size_t at = 0, n; at < message.n; at += n)
		if ((n = text_utf8(slice_from(message, at), &code)) == 0)
			return fault_set(f, FAULT_USAGE, "-m: byte %zu of the "
			    "message is not UTF-8", at + 1);
	return true;
}

bool
author_init(struct author *a, const struct context *context,
    enum generation_how how, const char *message, struct fault *f)
{
	struct text settings;

	memset(a, 0, sizeof *a);
	if (message != NULL && !check_message(slice_of(message), f))
		return false;
	find_login(getuid(), a->login, sizeof a->login);
	if (gethostname(a->host, sizeof a->host - 1) == -1)
		a->host[0] = '\0';
	text_init(&settings, a->settings, sizeof a->settings);
	settings_print_verdict(&context->settings, &settings);
	a->by = (struct authorship){ .now = (int64_t)time(NULL), .how = how,
		.uid = getuid(), .login = slice_of(a->login),
		.host = slice_of(a->host), .message = slice_of(message),
		.settings = slice_make(settings.buf, settings.n),
		.keep_s = (int64_t)context->settings.history * SECONDS_A_DAY };
	return true;
}

void
author_say_followed(const struct context *context)
{
	int64_t at;

	if (buildnote_read(context->store, BUILDNOTE_SYNC, &at) !=
	    BUILDNOTE_NONE)
		command_say("%s follows a directory: the next change there "
		    "undoes this", context->store);
}
