/*
 * Numbers of the kernel's.  Open files are counted in /proc/self/fd, which is
 * itself one of them while it is read.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "milter/metrics/process.h"

static void
head(struct text *out, const char *name, const char *type, const char *help)
{
	text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

static void
put_cpu(struct text *out)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return;
	head(out, "process_cpu_seconds_total", "counter",
	    "Processor time used, in user and in system mode.");
	text_printf(out, "process_cpu_seconds_total %.2f\n",
	    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static void
put_memory(struct text *out)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long all, resident;
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);

	if (file == NULL)
		return;
	if (fscanf(file, "%lu %lu", &all, &resident) == 2) {
		head(out, "process_resident_memory_bytes", "gauge",
		    "Memory in use.");
		text_printf(out, "process_resident_memory_bytes %lu\n",
		    resident * page);
		head(out, "process_virtual_memory_bytes", "gauge",
		    "Address space in use.");
		text_printf(out, "process_virtual_memory_bytes %lu\n",
		    all * page);
	}
	fclose(file);
}

static void
put_files(struct text *out)
{
	DIR *folder = opendir("/proc/self/fd");
	struct rlimit limit;
	unsigned long n = 0;

	if (folder != NULL) {
		for (const struct dirent *e; (e = readdir(folder)) != NULL;)
			n += e->d_name[0] != '.';
		closedir(folder);
		head(out, "process_open_fds", "gauge",
		    "Open file descriptors.");
		text_printf(out, "process_open_fds %lu\n", n - 1);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		head(out, "process_max_fds", "gauge",
		    "File descriptors that may be open.");
		text_printf(out, "process_max_fds %llu\n",
		    (unsigned long long)limit.rlim_cur);
	}
}

void
process_page(uint64_t started_us, struct text *out)
{
	head(out, "tlspolicy_build_info", "gauge", "1: the version that runs.");
	text_printf(out, "tlspolicy_build_info{version=\"%s\"} 1\n",
	    PACKAGE_VERSION);
	head(out, "process_start_time_seconds", "gauge",
	    "When the process started, since 1970.");
	text_printf(out, "process_start_time_seconds %.3f\n",
	    (double)started_us / 1e6);
	put_cpu(out);
	put_memory(out);
	put_files(out);
}
