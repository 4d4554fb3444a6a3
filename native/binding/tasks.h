// The questions and orders that a loop answers with a promise. They run on the engine's thread, wherever that is.
#ifndef CONNSCALE_BINDING_TASKS_H_
#define CONNSCALE_BINDING_TASKS_H_

#include <memory>

#include "binding/args.h"
#include "binding/driver.h"

namespace connscale::binding {

/// A task by its name in lib/binding.ts, with its arguments. Null: an exception is pending.
std::unique_ptr<SettledTask> make_task(Napi::Env env, const std::string& name, const Napi::Value& arguments);

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_TASKS_H_
