// The questions about the whole system that a thread of Node's pool answers, off the JavaScript thread.
#ifndef CONNSCALE_BINDING_SYSTEM_QUERIES_H_
#define CONNSCALE_BINDING_SYSTEM_QUERIES_H_

#include <napi.h>

#include <memory>
#include <vector>

#include "binding/args.h"

namespace connscale::binding {

/// One question. run() is on the pool's thread and touches no JavaScript value; outcome() is on JavaScript's.
/// Node waits for a question under way before it takes an environment down, and calls nobody then.
class SystemQuery : public Napi::AsyncWorker {
 public:
  explicit SystemQuery(const Napi::Function& settled) : Napi::AsyncWorker(settled, "connscale.SystemQuery") {}

  /// Puts it into the pool's queue. It deletes itself when it has settled, or when the environment ends before.
  static void start(std::unique_ptr<SystemQuery> query);

 protected:
  virtual void run() = 0;
  virtual Napi::Value outcome(Napi::Env env) = 0;

 private:
  void Execute() final { run(); }
  std::vector<napi_value> GetResult(Napi::Env env) final { return {outcome(env)}; }
};

/// What lib/binding.ts calls NativeSocketQuery.
SocketQuery read_query(Fields& fields);

/// systemQuery(name, arguments, settled): see NativeQueries in lib/binding.ts.
Napi::Value system_query(const Napi::CallbackInfo& info);

/// acceptQueue({ address, port }): the fullest queue of the listeners that this address and port lead to, at once. It
/// is one walk through the listeners alone, some microseconds.
Napi::Value accept_queue(const Napi::CallbackInfo& info);

/// The states' names by their numbers.
Napi::Array socket_state_names(Napi::Env env);

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_SYSTEM_QUERIES_H_
