# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# make -f tests/lab/count/count.mk OUT=DIR    builds DIR/libcount.so and DIR/mark

HERE := $(dir $(lastword $(MAKEFILE_LIST)))
OUT ?= $(error set OUT to the output directory)
CXX ?= g++
CC ?= gcc

all: $(OUT)/libcount.so $(OUT)/mark

$(OUT)/libcount.so: $(HERE)plugin.cc $(HERE)instruction.h $(HERE)qemu_plugin.h | $(OUT)
	$(CXX) -std=c++20 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared -o $@ $<

$(OUT)/mark: $(HERE)mark.S | $(OUT)
	$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -s -o $@ $<

$(OUT):
	mkdir -p $@

.PHONY: all
