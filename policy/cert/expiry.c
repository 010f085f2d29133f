/* tm_year and timegm(3) hold all that ASN.1 can say: year 0 to 9999. */
#include <time.h>

#include "policy/cert/expiry.h"
#include "policy/cert/pemfile.h"

static bool
end_of(const X509 *certificate, int64_t *end)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return false;
	*end = (int64_t)timegm(&tm);
	return true;
}

bool
expiry_of_file(const char *path, int64_t *end, struct fault *f)
{
	struct pemfile file;
	int64_t one = 0;
	bool good;
	int n;

	if (!pemfile_read(path, &file, f))
		return false;
	n = sk_X509_num(file.certificates);
	good = n > 0 || fault_set(f, FAULT_DATA, "holds no certificate");
	for (int i = 0; good && i < n; i++) {
		good = end_of(sk_X509_value(file.certificates, i), &one) ||
		    fault_set(f, FAULT_DATA,
		    "the end of certificate %d is no date", i + 1);
		if (good && (i == 0 || one < *end))
			*end = one;
	}
	if (!good)
		fault_at(f, path, 0, 0);
	pemfile_free(&file);
	return good;
}
