// THE contract: what each platform supplies, and the only #if on an operating system.
//
// Everything here is a completion. An operation is started, and later wait() reports exactly one Event for it;
// readiness, where a kernel speaks in it, stays behind this line. All of it belongs to the loop's own thread except
// Wakeup::wake().
//
//   OwnedSocket            owns a socket; move-only; reset() closes it
//   close_with_reset(socket)                                       closes it so that its peer sees a reset
//   local_address, remote_address, set_option, get_option(socket, ...)  of an OwnedSocket
//   Connection             state of one connection's I/O, at most 32 bytes; its `socket` is the OwnedSocket, and its
//                          `registration` outlives it: it counts what the memory was used for. Does not move while
//                          attached
//   is_receiving(connection)                                       a receive is outstanding
//   Listener               state of one listening socket
//   queue_depth(listener)  connections that wait to be accepted, where the platform can tell
//   Wakeup                 open(), wake() from any thread, clear() and wait() on the one that is woken; descriptor()
//   Thread                 start(body, context, name), join(), joinable()
//   Poller                 one kernel queue:
//     open(Wakeup*)                      makes the queue; descriptor() is pollable, or -1
//     wait(events, max, slab, places, timeout)
//                                        performs what became possible and reports it, at most `max` events; received
//                                        bytes go into `slab`. 0 events: the time ran out, or the wakeup was used, a
//                                        signal came, or the kernel reported what concerns nobody any more
//     has_ready()                        work is left that no kernel event will announce: the next wait finds it
//     may_have_more()                    the last wait took as much as it may: events from before it may be left
//     attach(connection, socket, token)  puts an accepted socket into the queue
//     connect(connection, spec, token)   -> kConnected; a failure that is known at once is returned instead
//     receive(connection)                -> kReceived, once. Not again before it came
//     cancel_receive(connection)         no kReceived follows; nothing is lost, the bytes stay in the kernel, and of an
//                                        error that would have ended the receive kBroken tells
//     try_send(connection, slices, count)  takes what it can at once and keeps nothing
//     send(connection, slices, count)    the same; if that was not all -> kSent, once, and until then the slices stay
//     end(connection)                    FIN after what was sent
//     close(connection, mode)            true: gone at once; false: kClosed follows. Nothing else follows
//     listen(listener, spec, token)      -> kAccepted, many; kAcceptFailed when the kernel says no
//     accept(listener, limit, purpose)   at most this many for each wait; 0 pauses. All listeners that accept kKeeping
//                                        share what a wait is given as `places`, and the rest stays in their queues
//     shed(listener, max)                resets connections of the queue when descriptors have run out; how many
//     close(listener)
//   socket_options()       the option table; find_socket_option(name)
//   parse_address, format_address, find_symbol
//   now_us()               a fine one, for durations
//   now_ms()               a coarse monotonic clock
//   descriptor_limit()     what one table of descriptors may hold
//   prepare_descriptor_table(wanted)                   sizes it once, so that its growth stalls nobody later
//   can_leave_descriptor_table()                       whether this kernel lets a thread have a table of its own
//   leave_descriptor_table(kept, count)                gives the calling thread a table of its own
//   SocketDump             a walk through the system's TCP sockets; not in sim/, since the engine does not look at
//   them:
//     open(query), next(row)             the next socket that matches; on any one thread
//   for_each_socket(query, interrupted, visit)         the whole walk
//   BoundProbe             whether idle sockets that hold a port are listed here
#ifndef CONNSCALE_PLATFORM_H_
#define CONNSCALE_PLATFORM_H_

#if defined(CONNSCALE_SIM)
#include "sim/os.h"
#include "sim/poller.h"
#include "sim/socket_options.h"
#include "sim/thread.h"
#include "sim/wakeup.h"
#elif defined(__linux__)
#include "linux/descriptor_table.h"
#include "linux/os.h"
#include "linux/poller.h"
#include "linux/socket_table.h"
#include "linux/thread.h"
#include "linux/wakeup.h"
#else
#error "no platform: see SUPPORTED_PLATFORMS.md"
#endif

#endif  // CONNSCALE_PLATFORM_H_
