sentry.S
int x;
