// The portable error numbers and the names of the calls that report them. Numbers are Linux's on every platform.
#ifndef CONNSCALE_BASE_ERROR_NAMES_H_
#define CONNSCALE_BASE_ERROR_NAMES_H_

#include <cstdint>

namespace connscale {

// One list makes the enumeration, the names and the messages; each platform's os_error.cc maps its own codes to it.
// Source of numbers and texts: include/uapi/asm-generic/errno{,-base}.h and errno(3).
#define CONNSCALE_ERRORS(XX)                                       \
  XX(EPERM, 1, "operation not permitted")                          \
  XX(ENOENT, 2, "no such file or directory")                       \
  XX(EINTR, 4, "interrupted system call")                          \
  XX(EIO, 5, "input/output error")                                 \
  XX(EBADF, 9, "bad file descriptor")                              \
  XX(EAGAIN, 11, "resource temporarily unavailable")               \
  XX(ENOMEM, 12, "not enough memory")                              \
  XX(EACCES, 13, "permission denied")                              \
  XX(EFAULT, 14, "bad address")                                    \
  XX(EBUSY, 16, "resource busy")                                   \
  XX(EEXIST, 17, "file exists")                                    \
  XX(ENODEV, 19, "no such device")                                 \
  XX(EINVAL, 22, "invalid argument")                               \
  XX(ENFILE, 23, "too many open files in the system")              \
  XX(EMFILE, 24, "too many open files in the process")             \
  XX(ENOSPC, 28, "no space left: epoll watches of this user")      \
  XX(EPIPE, 32, "broken pipe")                                     \
  XX(ERANGE, 34, "result too large")                               \
  XX(ENOSYS, 38, "function not implemented by this kernel")        \
  XX(EPROTO, 71, "protocol error")                                 \
  XX(ENOTSOCK, 88, "not a socket")                                 \
  XX(EDESTADDRREQ, 89, "destination address required")             \
  XX(EMSGSIZE, 90, "message too long")                             \
  XX(EPROTOTYPE, 91, "wrong protocol type for socket")             \
  XX(ENOPROTOOPT, 92, "protocol not available")                    \
  XX(EPROTONOSUPPORT, 93, "protocol not supported")                \
  XX(ENOTSUP, 95, "operation not supported")                       \
  XX(EAFNOSUPPORT, 97, "address family not supported by protocol") \
  XX(EADDRINUSE, 98, "address already in use")                     \
  XX(EADDRNOTAVAIL, 99, "address not available")                   \
  XX(ENETDOWN, 100, "network is down")                             \
  XX(ENETUNREACH, 101, "network is unreachable")                   \
  XX(ENETRESET, 102, "connection reset by network")                \
  XX(ECONNABORTED, 103, "connection aborted")                      \
  XX(ECONNRESET, 104, "connection reset by peer")                  \
  XX(ENOBUFS, 105, "no buffer space available")                    \
  XX(EISCONN, 106, "socket is already connected")                  \
  XX(ENOTCONN, 107, "socket is not connected")                     \
  XX(ETIMEDOUT, 110, "connection timed out")                       \
  XX(ECONNREFUSED, 111, "connection refused")                      \
  XX(EHOSTDOWN, 112, "host is down")                               \
  XX(EHOSTUNREACH, 113, "host is unreachable")                     \
  XX(EALREADY, 114, "connection already in progress")              \
  XX(EINPROGRESS, 115, "operation in progress")                    \
  XX(ECANCELED, 125, "operation canceled")

namespace error {
#define XX(name, number, text) inline constexpr int32_t k##name = number;
CONNSCALE_ERRORS(XX)
#undef XX
}  // namespace error

// The kernel's calls, by the names of their manual pages. `idle` is ours: the idle timeout of a connection.
#define CONNSCALE_CALLS(XX)         \
  XX(None, "")                      \
  XX(Socket, "socket")              \
  XX(Bind, "bind")                  \
  XX(Listen, "listen")              \
  XX(Accept, "accept4")             \
  XX(Connect, "connect")            \
  XX(Read, "read")                  \
  XX(Write, "write")                \
  XX(SendTo, "sendto")              \
  XX(Receive, "recv")               \
  XX(SocketTable, "sock_diag")      \
  XX(Shutdown, "shutdown")          \
  XX(SetOption, "setsockopt")       \
  XX(GetOption, "getsockopt")       \
  XX(LocalAddress, "getsockname")   \
  XX(RemoteAddress, "getpeername")  \
  XX(PollerCreate, "epoll_create1") \
  XX(PollerControl, "epoll_ctl")    \
  XX(PollerWait, "epoll_wait")      \
  XX(Wakeup, "eventfd")             \
  XX(CloseRange, "close_range")     \
  XX(Memory, "malloc")              \
  XX(Thread, "pthread_create")      \
  XX(Idle, "idle")

enum class Call : uint8_t {
#define XX(id, name) k##id,
  CONNSCALE_CALLS(XX)
#undef XX
};

/// Name of a portable error number ("EADDRINUSE"), or "UNKNOWN".
const char* error_name(int32_t code) noexcept;
/// One lower-case phrase for a portable error number.
const char* error_text(int32_t code) noexcept;
/// Name of the call as its manual page spells it.
const char* call_name(Call call) noexcept;

}  // namespace connscale

#endif  // CONNSCALE_BASE_ERROR_NAMES_H_
