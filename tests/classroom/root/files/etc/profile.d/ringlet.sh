# The compiler's cache knows what was built here before; its own record of headers is the
# compiler's, so that a file that it does not know is not read twice.
PATH=/usr/lib/ccache:$PATH
CCACHE_DEPEND=1
MAKEFLAGS=-j$(nproc)
RINGLET_PATIENCE=10
export PATH CCACHE_DEPEND MAKEFLAGS RINGLET_PATIENCE
cd /root/ringlet 2>/dev/null || :
