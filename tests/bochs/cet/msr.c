// SPDX-License-Identifier: GPL-2.0
/* msr NUMBER: what the first processor has in an MSR, in hexadecimal. */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY);
	uint64_t value;

	if (argc != 2 || fd < 0 ||
	    pread(fd, &value, sizeof(value), strtoul(argv[1], NULL, 0)) !=
	    sizeof(value))
		err(2, "msr");
	printf("0x%" PRIx64 "\n", value);
	return 0;
}
