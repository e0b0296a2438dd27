sx.mk
int x;
