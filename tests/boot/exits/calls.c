// SPDX-License-Identifier: GPL-2.0
/* Makes N getpid system calls and N / 10 by int 0x80, and checks each. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_GETPID_32	20	/* of the 32-bit table, which int 0x80 uses */

static long getpid_int80(void)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)NR_GETPID_32)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 0;
	long pid = getpid();

	for (long i = 0; i < calls; i++) {
		if (syscall(SYS_getpid) != pid)
			return 1;
		if (i % 10 == 0 && getpid_int80() != pid)
			return 2;
	}
	printf("%ld calls\n", calls);
	return 0;
}
