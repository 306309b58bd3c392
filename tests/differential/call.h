/* Calls of C functions whose types are known at run time only. */
#ifndef CALL_H
#define CALL_H
#include "driver.h"

/* Types as letters (script of driver.c): the instance, parameters by value but v128, one scalar result returned, others
 * behind a last pointer. */
void call_c(void (*function)(void), void *instance, const char *parameters, const value *arguments,
            const char *types, value *results);
#endif
