/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter/server.h: all of the milter-server library that programs use.
 */
#pragma once

#include <milter/core.h>

#include "milter-reply-signals.h"
#include "milter-server-context.h"
#include "milter-server.h"
#include "milter-server-enum-types.h"
