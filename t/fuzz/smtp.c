/* What a server says to probe, which reads one reply after another. */
#include "t/fuzz/fuzz.h"

#include "policy/probe/smtp.h"

static int64_t
no_time_passes(void)
{
	return 0;
}

static void
check_reply(const struct smtp_reply *reply)
{
	const struct text *text = &reply->text;

	FUZZ_CHECK(reply->code >= 200 && reply->code <= 599);
	for (size_t i = 0; i < text->n; i++)
		FUZZ_CHECK(text->buf[i] == '\n' ||
		    (text->buf[i] >= ' ' && text->buf[i] <= '~'));
	FUZZ_CHECK(smtp_first_line(reply).n <= text->n);
	smtp_offers(reply, "STARTTLS");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_reply reply;
	enum smtp_result result;
	struct smtp smtp;
	int pair[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	FUZZ_CHECK(write(pair[0], data, size) == (ssize_t)size);
	close(pair[0]);
	smtp_init(&smtp, 1000, no_time_passes);
	smtp.fd = pair[1];
	while ((result = smtp_read_reply(&smtp, &reply)) == SMTP_OK)
		check_reply(&reply);
	FUZZ_CHECK((result == SMTP_CLOSED || result == SMTP_NOT_SMTP) &&
	    smtp.error[0] != '\0');
	smtp_has_input(&smtp);
	smtp_close(&smtp);
	return 0;
}
