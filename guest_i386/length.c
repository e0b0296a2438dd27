// SPDX-License-Identifier: GPL-2.0
/*
 * How long an instruction of 32-bit code is, and nothing else of it.
 *
 * The code of a module comes when the guest runs, where no library is: so this is a table
 * of what follows each opcode. tests/i386/lengths compares it with Zydis for each
 * instruction of a Debian kernel and all of its modules.
 *
 * Source: SDM volume 2, appendix A (opcode maps), 2.1 (ModRM), 2.3 (VEX), 2.7 (EVEX).
 */
#include "length.h"

#include <stdbool.h>

/*
 * What follows an opcode:
 *
 *	.  nothing		M  ModRM and what it wants
 *	b  1 byte		N  both
 *	w  2 bytes		Z  ModRM, and an immediate as long as operands are
 *	z  an immediate		p  a far pointer: an immediate and 2 bytes
 *	o  an address		e  3 bytes
 *	3, 4  ModRM, and for /0 and /1 a byte or an immediate (TEST)
 *	P  an opcode: this is a prefix
 *	V  a long form (VEX, EVEX) where its next byte looks like a register
 *	E  the second map	x  it is none
 */
static const char one_byte[] =
	"MMMMbz..MMMMbz.E" "MMMMbz..MMMMbz.." "MMMMbzP.MMMMbzP." "MMMMbzP.MMMMbzP."
	"................" "................" "..VMPPPPzZbN...." "bbbbbbbbbbbbbbbb"
	"NZNNMMMMMMMMMMMM" "..........p....." "oooo....bz......" "bbbbbbbbzzzzzzzz"
	"NNw.VVNZe.w..b.." "MMMMbb..MMMMMMMM" "bbbbbbbbzzpb...." "P.PP..34......MM";
/* Behind 0F; 38 and 3A lead to two more maps, all alike. */
static const char two_bytes[] =
	"MMMMx.....x.xM.N" "MMMMMMMMMMMMMMMM" "MMMMxxxxMMMMMMMM" "......x.ExExxxxx"
	"MMMMMMMMMMMMMMMM" "MMMMMMMMMMMMMMMM" "MMMMMMMMMMMMMMMM" "NNNNMMM.MMMMMMMM"
	"zzzzzzzzzzzzzzzz" "MMMMMMMMMMMMMMMM" "...MNMMM...MNMMM" "MMMMMMMMMMNMMMMM"
	"MMNMNNNM........" "MMMMMMMMMMMMMMMM" "MMMMMMMMMMMMMMMM" "MMMMMMMMMMMMMMMM";
_Static_assert(sizeof(one_byte) == 257 && sizeof(two_bytes) == 257, "maps");

struct cursor {
	const unsigned char *code;
	unsigned long at, size;
	bool operand16, address16;
};

/* Behind the end there are zeros; insn_length() sees that they were used. */
static unsigned char peek(const struct cursor *c)
{
	return c->at < c->size ? c->code[c->at] : 0;
}

static void immediate(struct cursor *c)
{
	c->at += c->operand16 ? 2 : 4;
}

/* With 16-bit addresses there is no SIB byte. */
static void short_operand(struct cursor *c, unsigned char modrm)
{
	unsigned char mod = modrm >> 6;

	if (mod == 1)
		c->at += 1;
	else if (mod == 2 || (mod == 0 && (modrm & 7) == 6))
		c->at += 2;
}

/* ModRM and what it wants; its reg field. */
static unsigned char operand(struct cursor *c)
{
	unsigned char modrm = peek(c), mod = modrm >> 6, base = modrm & 7;

	c->at++;
	if (mod == 3)
		return modrm >> 3 & 7;
	if (c->address16) {
		short_operand(c, modrm);
		return modrm >> 3 & 7;
	}
	if (base == 4) {
		base = peek(c) & 7;
		c->at++;
	}
	if (mod == 1)
		c->at += 1;
	else if (mod == 2 || base == 5)
		c->at += 4;
	return modrm >> 3 & 7;
}

/* What follows an opcode of that kind; false: it is none. */
static bool rest(struct cursor *c, char kind)
{
	switch (kind) {
	case '.':
		return true;
	case 'b':
		c->at += 1;
		return true;
	case 'w':
		c->at += 2;
		return true;
	case 'e':
		c->at += 3;
		return true;
	case 'z':
		immediate(c);
		return true;
	case 'p':
		immediate(c);
		c->at += 2;
		return true;
	case 'o':
		c->at += c->address16 ? 2 : 4;
		return true;
	case 'M':
		operand(c);
		return true;
	case 'N':
		operand(c);
		c->at += 1;
		return true;
	case 'Z':
		operand(c);
		immediate(c);
		return true;
	case '3':
		if (operand(c) < 2)
			c->at += 1;
		return true;
	case '4':
		if (operand(c) < 2)
			immediate(c);
		return true;
	}
	return false;
}

/* The opcode, in one of the maps behind 0F: 1 itself, 2 and 3 are 0F 38 and 0F 3A. */
static bool in_map(struct cursor *c, unsigned int map, bool long_form)
{
	unsigned char opcode = peek(c);
	char kind = map == 1 ? two_bytes[opcode] : map == 3 ? 'N' : 'M';

	c->at++;
	/* Long forms have ModRM, all but VZEROUPPER, and no jumps. */
	if (long_form && map == 1 && opcode != 0x77 && kind != 'N')
		kind = 'M';
	return rest(c, kind);
}

static bool second_map(struct cursor *c)
{
	unsigned char opcode = peek(c);

	if (two_bytes[opcode] != 'E')
		return in_map(c, 1, false);
	c->at++;
	return in_map(c, opcode == 0x38 ? 2 : 3, false);
}

/* VEX and EVEX are LES, LDS and BOUND with a register, which these do not have. */
static bool long_form(struct cursor *c, unsigned char opcode)
{
	unsigned char first = peek(c);
	unsigned int map = 1;

	if (first >> 6 != 3)
		return rest(c, 'M');
	if (opcode == 0xc5) {
		c->at += 1;
	} else {
		map = first & (opcode == 0xc4 ? 0x1f : 7);
		c->at += opcode == 0xc4 ? 2 : 3;
	}
	return map && map != 4 && map < 7 && in_map(c, map, true);
}

static bool walk(struct cursor *c)
{
	unsigned char opcode;

	for (;;) {
		opcode = peek(c);
		c->at++;
		if (one_byte[opcode] != 'P' || c->at > LENGTH_MOST)
			break;
		c->operand16 = c->operand16 || opcode == 0x66;
		c->address16 = c->address16 || opcode == 0x67;
	}
	switch (one_byte[opcode]) {
	case 'E':
		return second_map(c);
	case 'V':
		return long_form(c, opcode);
	}
	return rest(c, one_byte[opcode]);
}

unsigned int insn_length(const unsigned char *code, unsigned long size)
{
	struct cursor c = { .code = code, .size = size };

	return walk(&c) && c.at <= size && c.at <= LENGTH_MOST ? c.at : 0;
}
