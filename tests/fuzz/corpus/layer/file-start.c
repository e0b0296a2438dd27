sstart.c
int x;
