slayer.h
int x;
