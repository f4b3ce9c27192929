// SPDX-License-Identifier: GPL-2.0-only
/*
 * How upcalls reach each CPU: by a vector of its own from the kernel's x86 vector domain, or, for
 * the first CPU alone, by the interrupt line of Xen's PCI device (line.c).
 *
 * A vector cannot be withdrawn from Xen. What it is for must be quiet before it is given back,
 * which closing every channel does.
 */
#include <linux/cpuhotplug.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>

#include "kmod/compat/irq_stat.h"
#include "kmod/pvkit/faults.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/upcalls.h"

#define CALLBACK_AWARE		1ULL	/* any value that is not 0: this guest takes upcalls */

static char *wanted = "vector";
module_param_named(upcall, wanted, charp, 0444);
MODULE_PARM_DESC(upcall, "How Xen tells of events: vector, one for each CPU, or line, the Xen PCI "
			 "device's interrupt, on one CPU (default vector)");

static DEFINE_PER_CPU(unsigned int, upcall_irq);
static struct cpumask reached;		/* CPUs that take upcalls */
static enum cpuhp_state hotplug;
static bool refused;	/* Xen takes no vector */
static bool by_line;

/* A flood of events must not keep a CPU for ever: the rest comes a little later. */
static void upcall_again(struct irq_work *work)
{
	pvk_own_run_upcall(by_line ? 0 : smp_processor_id());
}

static DEFINE_PER_CPU(struct irq_work, again_work) = IRQ_WORK_INIT_HARD(upcall_again);

void pvk_own_run_upcall(unsigned int cpu)
{
	if (unlikely(pvk_own_upcall(cpu)))
		irq_work_queue(this_cpu_ptr(&again_work));
}

/*
 * In place of the kernel's own flow for edges, which would take the descriptor's lock twice: an
 * upcall is never re-entered on its CPU, and nobody else handles it.
 */
static void upcall_flow(struct irq_desc *desc)
{
	struct irq_data *data = irq_desc_get_irq_data(desc);

	data->chip->irq_ack(data);
	pvk_count_irq(desc);
	pvk_own_run_upcall(smp_processor_id());
}

/* Only there so that the kernel starts the interrupt; the flow above does all. */
static irqreturn_t unused_handler(int irq, void *data)
{
	return IRQ_NONE;
}

static int take_vector(unsigned int cpu)
{
	struct irq_alloc_info info = {};
	int irq, err;

	/* With a mask the vector is assigned now and not at the first use. */
	info.mask = cpumask_of(cpu);
	irq = __irq_domain_alloc_irqs(x86_vector_domain, -1, 1, cpu_to_node(cpu), &info, false,
				      NULL);
	if (irq < 0)
		return irq;
	irq_set_handler(irq, upcall_flow);
	err = request_irq(irq, unused_handler, IRQF_PERCPU | IRQF_NOBALANCING | IRQF_NO_THREAD,
			  "pvkit-upcall", &upcall_irq);
	if (err) {
		irq_dispose_mapping(irq);
		return err;
	}
	per_cpu(upcall_irq, cpu) = irq;
	return 0;
}

static void drop_vector(unsigned int cpu)
{
	unsigned int irq = per_cpu(upcall_irq, cpu);

	if (!irq)
		return;
	per_cpu(upcall_irq, cpu) = 0;
	free_irq(irq, &upcall_irq);
	irq_dispose_mapping(irq);
}

static int tell_vector(unsigned int cpu)
{
	struct irq_data *data = irq_get_irq_data(per_cpu(upcall_irq, cpu));

	return pvk_own_set_vector(pvk_own_vcpu_of(cpu), irqd_cfg(data)->vector);
}

/* vCPUs above 31 have their part of the shared page elsewhere, for as long as the domain lives. */
static int add_cpu(unsigned int cpu, unsigned int vcpu)
{
	void *page;
	int err = pvk_own_add_cpu(cpu, vcpu, NULL, 0);

	if (err != -ENOMEM)
		return err;
	page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	err = pvk_own_add_cpu(cpu, vcpu, page, __pa(page) >> PAGE_SHIFT);
	if (err) {
		free_page((unsigned long)page);
		pr_err("pvkit: Xen takes no record of vCPU %u (%d), or has an earlier kernel's\n",
		       vcpu, err);
	} else {
		pvk_own_stay("records of more than 32 vCPUs");
	}
	return err;
}

/* Where Xen does not say it, the first CPU is taken for the first vCPU, and no other for any. */
static int find_vcpu(unsigned int cpu, pvk_u32 *vcpu)
{
	int err = pvk_own_vcpu_here(vcpu);

	if (!err || cpu)
		return err;
	*vcpu = 0;
	return 0;
}

static int reach(unsigned int cpu)
{
	pvk_u32 vcpu;
	int err = find_vcpu(cpu, &vcpu);

	if (!err)
		err = add_cpu(cpu, vcpu);
	if (!err)
		err = pvk_own_fifo_cpu(cpu);
	if (!err)
		err = take_vector(cpu);
	if (err)
		return err;
	err = tell_vector(cpu);
	if (err) {
		drop_vector(cpu);
		refused = true;
	} else {
		cpumask_set_cpu(cpu, &reached);
	}
	return err;
}

/* Runs on the CPU that comes up. Xen raises the vector as soon as it is told. */
static int cpu_up(unsigned int cpu)
{
	int err;

	pvk_faults_enter("cpu");
	err = reach(cpu);
	pvk_faults_leave("cpu");
	/* Later CPUs can do without; the first decides whether the guest has vectors at all. */
	if (!err || cpumask_empty(&reached))
		return err;
	pr_warn("pvkit: no upcalls on CPU %u (%d): its channels go elsewhere\n", cpu, err);
	return 0;
}

static int cpu_down(unsigned int cpu)
{
	unsigned long flags;

	/*
	 * Its last upcall is over: what is sent from now on waits for the move, and others may move
	 * its channels from the moment at which they see that it takes no more.
	 */
	local_irq_save(flags);
	cpumask_clear_cpu(cpu, &reached);
	pvk_own_events_leave(cpu);
	local_irq_restore(flags);
	irq_work_sync(per_cpu_ptr(&again_work, cpu));
	drop_vector(cpu);
	return 0;
}

static int start_line(void)
{
	int err;

	by_line = true;
	err = pvk_own_line_start();
	if (err)
		by_line = false;
	else
		cpumask_set_cpu(0, &reached);
	return err;
}

int pvk_own_vectors_start(void)
{
	int state;

	if (!strcmp(wanted, "line"))
		return start_line();
	if (strcmp(wanted, "vector")) {
		pr_err("pvkit: upcall=%s is unknown: vector or line\n", wanted);
		return -EINVAL;
	}
	refused = false;
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "pvkit:upcall", cpu_up, cpu_down);
	/*
	 * A Xen that takes no vector has none, and there is the line. When anything else is
	 * missing, memory, a free vector or the place for a record, the line may be silent, because
	 * Xen prefers a vector that an earlier load or kernel told it. Then the load fails, and the
	 * next one may have all that it needs.
	 */
	if (state < 0)
		return refused ? start_line() : state;
	hotplug = state;
	/* The toolstack takes a guest with a callback for one that closes its devices itself. */
	pvk_own_set_param(PVK_PARAM_CALLBACK_IRQ, CALLBACK_AWARE);
	return 0;
}

void pvk_own_vectors_stop(void)
{
	pvk_own_vectors_quiet();
	if (by_line)
		pvk_own_line_stop();
	else
		cpuhp_remove_state(hotplug);
	by_line = false;
	cpumask_clear(&reached);
}

/* A restored domain is a new one to Xen. */
void pvk_own_vectors_resume(void)
{
	if (by_line)
		pvk_own_line_resume();
	else
		pvk_own_set_param(PVK_PARAM_CALLBACK_IRQ, CALLBACK_AWARE);
}

/* After its record is known: Xen raises the vector, and all that was marked meanwhile is found. */
void pvk_own_vectors_resume_cpu(unsigned int cpu)
{
	if (!by_line && cpumask_test_cpu(cpu, &reached))
		tell_vector(cpu);
}

void pvk_own_vectors_quiet(void)
{
	pvk_own_set_param(PVK_PARAM_CALLBACK_IRQ, 0);
}

const char *pvk_own_delivery(void)
{
	return by_line ? "line" : "vector";
}

unsigned int pvk_own_upcall_cpus(void)
{
	return cpumask_weight(&reached);
}

bool pvk_own_cpu_takes_upcalls(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &reached);
}
